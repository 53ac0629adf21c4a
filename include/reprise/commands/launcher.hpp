/// @file `reprise job`: checks the input, starts the ranks, and has the last word when all below
/// it is gone, however it went. Without MPI.
#pragma once

#include "reprise/commands/job_context.hpp"

namespace reprise {

/// Returns the exit code: 0 done, 1 failed, 3 resume; no other.
[[nodiscard]] int run_job(JobOptions const& options);

}  // namespace reprise
