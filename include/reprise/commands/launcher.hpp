/// @file `reprise job`: checks the input, starts the ranks, and has the last word when all below
/// it is gone, however it went. Without MPI.
#pragma once

#include <string>
#include <vector>

#include "reprise/commands/job_context.hpp"

namespace reprise {

/// Returns the exit code: 0 done, 1 failed, 3 resume; no other.
[[nodiscard]] int run_job(JobOptions const& options);

/// A command line that cannot be understood: says so, to the server too if one can be made out.
/// @param arguments of `reprise job`, all of them. Returns the exit code.
[[nodiscard]] int refuse_job(std::vector<std::string> const& arguments, std::string const& reason);

}  // namespace reprise
