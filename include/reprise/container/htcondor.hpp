/// @file What HTCondor tells a job about its cores. It binds a job to no CPUs as a rule, but sets
/// the variables by which libraries choose their number of threads to request_cpus (its setting
/// STARTER_NUM_THREADS_ENV_VARS), unless the job's environment has them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// What HTCondor 23 sets by default.
inline constexpr std::array<std::string_view, 12> htcondor_thread_variables{
    "CUBACORES",
    "GOMAXPROCS",
    "JULIA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "PYTHON_CPU_COUNT",
    "ROOT_MAX_THREADS",
    "TF_LOOP_PARALLEL_ITERATIONS",
    "TF_NUM_THREADS"};

[[nodiscard]] bool is_htcondor_job(std::vector<std::string> const& environment);

/// The CPUs that HTCondor has given to the job: what the slot's description says
/// (_CONDOR_MACHINE_AD), else what most of the variables above say. Nothing outside of HTCondor and
/// where fewer than two of them are there.
[[nodiscard]] std::optional<int> htcondor_cpus(std::vector<std::string> const& environment);

}  // namespace reprise
