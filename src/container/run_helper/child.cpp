#include "child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace reprise::run_helper {
namespace {

void reset_signals(int stop_signal) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
    action.sa_handler = SIG_IGN;
    for (int const signal : {SIGUSR1, SIGUSR2}) {
        if (signal != stop_signal) ::sigaction(signal, &action, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run(Command const& command, int stop_signal, pid_t helper, int failure) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != helper) ::_exit(127);  // it died before the line above
    ::setpgid(0, 0);
    // Where an image has no /dev/null, what the rank gave us as stdin, its own /dev/null, will do.
    int const null_device = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_device >= 0) ::dup2(null_device, STDIN_FILENO);
    reset_signals(stop_signal);
    ::execvp(command.front(), command.data());
    int const error = errno;
    [[maybe_unused]] auto const written = ::write(failure, &error, sizeof error);
    ::_exit(127);
}

}  // namespace

Started start_child(Command const& command, int stop_signal) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {-1, errno};
    pid_t const helper = ::getpid();
    pid_t const pid = ::fork();
    if (pid == 0) run(command, stop_signal, helper, ends[1]);
    int error = pid < 0 ? errno : 0;
    ::close(ends[1]);
    if (pid > 0) {
        ssize_t count = 0;
        do {
            count = ::read(ends[0], &error, sizeof error);
        } while (count < 0 && errno == EINTR);
        if (count != static_cast<ssize_t>(sizeof error)) error = 0;
        if (error != 0) ::waitpid(pid, nullptr, 0);
    }
    ::close(ends[0]);
    return {error == 0 ? pid : -1, error};
}

}  // namespace reprise::run_helper
