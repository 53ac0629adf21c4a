#include "reprise/system/signals.hpp"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

std::atomic<pid_t> reader{0};

/// Runs in a thread that has not blocked the signal. The reader sees the same sender.
void hand_to_reader(int number, siginfo_t* info, void* /*context*/) {
    int const saved = errno;
    siginfo_t same = *info;
    same.si_code = SI_QUEUE;  // the kernel takes no other one from a thread that is not the first
    ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), reader.load(), number, &same);
    errno = saved;
}

bool has_default_action(int signal, struct sigaction& action) {
    return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_DFL;
}

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_IGN;
}

}  // namespace

SignalFd::SignalFd(std::initializer_list<int> signals) {
    ::sigemptyset(&signals_);
    for (int const signal : signals) ::sigaddset(&signals_, signal);
    fd_ = Fd(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw posix_error(errno, "make", "a signalfd");
    if (int const error = ::pthread_sigmask(SIG_BLOCK, &signals_, &former_); error != 0) {
        throw posix_error(error, "block", "signals");
    }
    reader = static_cast<pid_t>(::syscall(SYS_gettid));
    for (int const signal : signals) {
        struct sigaction former {};
        if (!has_default_action(signal, former)) continue;
        struct sigaction action {};
        action.sa_sigaction = hand_to_reader;
        action.sa_flags = SA_SIGINFO | SA_RESTART;
        if (::sigaction(signal, &action, nullptr) == 0) actions_.emplace_back(signal, former);
    }
}

SignalFd::~SignalFd() {
    for (auto const& [signal, action] : actions_) ::sigaction(signal, &action, nullptr);
    timespec const no_time{};
    while (::sigtimedwait(&signals_, nullptr, &no_time) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

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
