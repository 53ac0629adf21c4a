/// @file A command of the training, started by the helper.
#pragma once

#include <sys/types.h>

#include "options.hpp"

namespace reprise::run_helper {

struct Started {
    pid_t pid = -1;
    int error = 0;  ///< errno of the failure; 0: the program runs
};

/// Starts a command in its own process group, with /dev/null as stdin, no signal blocked, SIGKILL
/// when the helper dies. Dispositions are the default ones, except that USR1 and USR2 are ignored
/// unless one of them is `stop_signal`: Slurm sends the announcement of a time limit to every
/// process of a step (with proctrack/linuxproc), and it is for the job to act on. Looks the command
/// up on PATH. Returns once it runs or has failed to.
Started start_child(Command const& command, int stop_signal);

}  // namespace reprise::run_helper
