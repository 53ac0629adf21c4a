/// @file The variables by which numerical libraries choose how many threads they start.
#pragma once

#include <string>
#include <vector>

namespace reprise {

/// What to add to the environment of a run ("NAME=value") so that it computes with so many threads.
///
/// OMP_NUM_THREADS, MKL_, OPENBLAS_, GOTO_, NUMEXPR_, TORCH_NUM_THREADS and VECLIB_MAXIMUM_THREADS,
/// without those that the user has set, also as APPTAINERENV_* or SINGULARITYENV_*. A user who has
/// set OMP_NUM_THREADS has decided for all of them: the libraries fall back on it. What HTCondor
/// has set (see htcondor.hpp) is not the user's.
///
/// @param threads          >= 1
/// @param allocation_cpus  CPUs that the job may use: HTCondor's value, where it tells no other
[[nodiscard]] std::vector<std::string> thread_variables(std::vector<std::string> const& environment,
                                                        int threads, int allocation_cpus);

}  // namespace reprise
