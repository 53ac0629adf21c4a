/// @file What `scontrol show job --oneliner ID` says about a job. Pure.
/// Names and meanings: scontrol(1). While a job's processes end, Slurm 22.05 calls its state
/// COMPLETING whatever the reason; tests/data/slurm has recorded what tells the cases apart then.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reprise/core/word_after_term.hpp"

namespace reprise {

struct SlurmJob {
    std::string state;            ///< JobState, such as RUNNING, CANCELLED, COMPLETING
    std::string reason;           ///< Reason, such as None, TimeLimit
    int restarts = 0;             ///< Restarts: how often it was put back into the queue
    bool preempted = false;       ///< PreemptTime is there
    bool requeues = false;        ///< BatchFlag and Requeue: goes on when one of its nodes is lost
    std::optional<double> end_s;  ///< EndTime of one that runs, in seconds since the epoch;
                                  ///< nothing: it has no time limit

    friend bool operator==(SlurmJob const&, SlurmJob const&) = default;
};

/// Expects times in UTC in Slurm's standard form (TZ=UTC, SLURM_TIME_FORMAT=standard). Nothing when
/// there is no such line about this job.
[[nodiscard]] std::optional<SlurmJob> parse_slurm_job(std::string_view text, std::string const& id);

/// SlurmdTimeout in what `scontrol show config` says: after so many seconds without an answer a
/// node is taken for lost; 0: never. Nothing when it is not there.
[[nodiscard]] std::optional<int> parse_slurmd_timeout(std::string_view text);

/// "2026-11-25T22:00:05" in UTC → seconds since the epoch; nothing for "Unknown" and the like.
[[nodiscard]] std::optional<double> parse_slurm_time(std::string_view text);

/// What becomes of a job whose processes have just got TERM.
/// @param restarts_before SLURM_RESTART_COUNT of the processes; 0 when there is none
[[nodiscard]] JobFate fate_of(SlurmJob const& job, int restarts_before);

}  // namespace reprise
