/// @file `reprise job` where somebody else has started several of it, in every task but task 0:
/// starts its rank, keeps it in order, says nothing, and leaves as task 0 says.
#pragma once

#include "reprise/commands/job_context.hpp"

namespace reprise {

/// Expects options.outer to be of a task from 1 on. Returns the exit code: 0, 1 or 3.
[[nodiscard]] int run_task(JobOptions const& options);

}  // namespace reprise
