/// @file A command of the training, started by the helper.
#pragma once

#include <sys/types.h>

#include "options.hpp"

namespace reprise::run_helper {

struct Started {
    pid_t pid = -1;
    int error = 0;  ///< errno of the failure; 0: the program runs
};

/// Starts a command in its own process group, with /dev/null as stdin, default dispositions, no
/// signal blocked, SIGKILL when the helper dies. Looks it up on PATH. Returns once it runs or has
/// failed to.
Started start_child(Command const& command);

}  // namespace reprise::run_helper
