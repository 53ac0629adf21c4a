#include "reprise/system/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "reprise/system/posix_error.hpp"

namespace reprise {

SignalFd::SignalFd(std::initializer_list<int> signals) {
    ::sigemptyset(&signals_);
    for (int const signal : signals) ::sigaddset(&signals_, signal);
    fd_ = Fd(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw posix_error(errno, "make", "a signalfd");
    if (int const error = ::pthread_sigmask(SIG_BLOCK, &signals_, &former_); error != 0) {
        throw posix_error(error, "block", "signals");
    }
}

SignalFd::~SignalFd() {
    timespec const no_time{};
    while (::sigtimedwait(&signals_, nullptr, &no_time) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

namespace {

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

std::optional<ReceivedSignal> SignalFd::read() {
    signalfd_siginfo info{};
    while (true) {
        auto const count = ::read(fd_.get(), &info, sizeof info);
        if (count == static_cast<ssize_t>(sizeof info)) {
            // A blocked signal is queued even when it is ignored.
            if (is_ignored(static_cast<int>(info.ssi_signo))) continue;
            return ReceivedSignal{static_cast<int>(info.ssi_signo),
                                  static_cast<pid_t>(info.ssi_pid)};
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return std::nullopt;
        throw posix_error(errno, "read", "a signalfd");
    }
}

}  // namespace reprise
