/// @file When the job ends, and what became of it: from the parameters, and from Slurm.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/walltime.hpp"
#include "reprise/core/word_after_term.hpp"
#include "reprise/parameters/job_spec.hpp"

namespace reprise {

/// How long Slurm may take to say when the job ends. Its own commands wait for a minute and more
/// when the controller does not answer.
inline constexpr Duration patience_at_start = std::chrono::seconds(5);

/// The earliest end among runner.time_limit_s, SLURM_JOB_END_TIME and, where that is not set, what
/// Slurm says when it is asked. Nothing: none is known.
/// @param begin_s when the launcher was started, seconds since the epoch
/// @param environment "NAME=value"
[[nodiscard]] std::optional<Walltime> find_walltime(RunnerOptions const& runner,
                                                    std::vector<std::string> const& environment,
                                                    double begin_s);

/// Asks Slurm, if this is a job of Slurm's, but for no longer than so long.
[[nodiscard]] JobFate ask_for_fate(std::vector<std::string> const& environment, Duration limit);

/// How long Slurm takes at most to notice that a node of this job is lost, when it puts the job
/// back into the queue then; nothing when it does not, or does not say so.
[[nodiscard]] std::optional<Duration> time_to_notice_lost_node(
    std::vector<std::string> const& environment);

/// How the launcher hands the end on to rank 0: "NAME=value".
[[nodiscard]] std::string pass_on(Walltime const& walltime);
/// What it has handed on. Throws ContractViolation when that cannot be read.
[[nodiscard]] std::optional<Walltime> passed_on_walltime(
    std::vector<std::string> const& environment);

/// For the log: "59 min, trainings are stopped 63 s before".
[[nodiscard]] std::string describe(Walltime const& walltime, double now_s);

}  // namespace reprise
