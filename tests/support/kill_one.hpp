/// @file kill(2) for tests: a process number that was not found must not become "everybody".
#pragma once

#include <sys/types.h>

#include <csignal>
#include <stdexcept>

namespace reprise::testing {

/// Expects one process: kill(-1) as root ends the whole machine.
inline int kill_one(pid_t pid, int signal) {
    if (pid <= 1) throw std::logic_error("no process to send a signal to");
    return ::kill(pid, signal);
}

}  // namespace reprise::testing
