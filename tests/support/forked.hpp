/// @file A piece of a test in another process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace reprise::test {

/// Runs `body` in a forked process, which ends with the number that it returns. Nothing of the
/// test goes on there, whatever is thrown.
template <class Body>
[[nodiscard]] pid_t run_forked(Body const& body) {
    pid_t const pid = ::fork();
    if (pid < 0) throw std::runtime_error("cannot fork");
    if (pid > 0) return pid;
    try {
        ::_exit(body());
    } catch (...) {
        ::_exit(99);
    }
}

/// Status as waitpid(2) gives it: 0 for a process that ended with 0.
[[nodiscard]] inline int status_of(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace reprise::test
