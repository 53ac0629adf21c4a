/// @file Where a sample stands: a fold over the rows that the results file keeps. Nothing else is
/// remembered between starts, so a restart is the same code on the same rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/doors.hpp"
#include "reprise/core/job_plan.hpp"

namespace reprise {

/// One rerun of the sample.
struct LearningRunState {
    int iterations_done = 0;
    int failed_attempts = 0;
    int next_part = 0;         ///< of the attempt that is due
    double last_reward = 0.0;  ///< of the last iteration that succeeded; NaN: none yet
    std::int64_t steps = 0;    ///< last counter seen in that iteration; 0: not known
    /// What the counter of its model should be: at least that, and all steps of all iterations.
    std::int64_t expected_steps = 0;
    std::optional<AttemptKey> last_success;  ///< whose model the next iteration loads
    std::optional<AttemptRecord> last_failure;
};

/// The directory of an attempt that was found on disk but has no row: its rank or job died.
struct LeftoverAttempt {
    AttemptKey key;
    std::int64_t steps = 0;     ///< that its learning curve shows; 0: none
    double start = 0.0;         ///< seconds since the epoch, from its directory
    double end = 0.0;           ///< seconds since the epoch, from its newest file
    std::string loaded_from{};  ///< directory of the part that it went on from; empty: none
};

class JobState {
  public:
    explicit JobState(JobPlan plan);
    /// Folds a whole history. Throws Error{corrupt} when a row contradicts those before it.
    JobState(JobPlan plan, History const& history);

    /// Throws Error{corrupt} when the row contradicts what is known.
    void apply(AttemptRecord const& row);
    void apply(StartRecord const& row);

    [[nodiscard]] JobPlan const& plan() const noexcept { return plan_; }
    [[nodiscard]] std::vector<LearningRunState> const& runs() const noexcept { return runs_; }
    [[nodiscard]] std::vector<StartRecord> const& starts() const noexcept { return starts_; }

    /// The attempt that this learning run needs next (its earlier ones are all in rows).
    [[nodiscard]] AttemptKey next_attempt(int learning_run) const;
    [[nodiscard]] bool exhausted(int learning_run) const;
    [[nodiscard]] bool complete(int learning_run) const;
    /// Learning runs that failed for good.
    [[nodiscard]] int exhausted_runs() const noexcept { return exhausted_runs_; }
    /// Whether so many learning runs failed for good that the job has failed.
    [[nodiscard]] bool failed() const;
    /// Whether every learning run that counts is complete, and there are enough of them.
    [[nodiscard]] bool finished() const;
    /// The smallest number of iterations done of the runs that still count.
    [[nodiscard]] int iterations_done() const;
    /// Training iterations done of all that must be done, [0, 1].
    [[nodiscard]] double progress() const;
    [[nodiscard]] int early_reports() const;
    /// Attempts that failed, and attempts that came to an end of their own (failed or succeeded).
    [[nodiscard]] int failed_attempts() const noexcept { return failed_attempts_; }
    [[nodiscard]] int ended_attempts() const noexcept { return ended_attempts_; }
    /// Seconds over all starts.
    [[nodiscard]] double time_elapsed() const;
    /// Starts at the end of the history that were lost, or left for a resume, without one new step.
    [[nodiscard]] int fruitless_starts() const;
    /// Last known moment of the start (its own row, or the end of its last attempt).
    [[nodiscard]] double last_sign_of_life(int start_number) const;

  private:
    /// Adds (+1) or takes back (-1) what a learning run contributes to the counters below.
    void count(int learning_run, int sign);

    JobPlan plan_;
    std::vector<LearningRunState> runs_;
    std::vector<StartRecord> starts_;
    std::vector<double> last_end_;  ///< per start, the latest end of its attempts
    std::vector<bool> trained_;     ///< per start, whether an attempt of it made steps
    // Counted along, so that a sample of 100,000 learning runs costs no more per row than one of 3.
    int failed_attempts_ = 0;
    int ended_attempts_ = 0;
    int exhausted_runs_ = 0;
    int complete_runs_ = 0;
    std::int64_t iterations_settled_ = 0;  ///< done, or never to be done since their run failed
};

/// What must be written about starts and attempts that nobody could write about when they died.
struct Aftermath {
    std::vector<AttemptRecord> attempts;  ///< outcome lost
    std::optional<StartRecord> start;     ///< the last start, outcome lost
    bool give_up = false;                 ///< two starts in a row ended without a training step
};

/// Assesses what an earlier start left (or the present one, seen from its launcher).
/// Leftovers that are not the attempt that is due are ignored.
[[nodiscard]] Aftermath assess_lost_start(JobState const& state,
                                          std::vector<LeftoverAttempt> const& leftovers);

/// How many starts in a row may end without a new training step.
inline constexpr int max_fruitless_starts = 2;

}  // namespace reprise
