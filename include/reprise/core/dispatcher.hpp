/// @file Rank 0's decisions: which rank trains what, what is saved when, how the start ends.
/// A function of events. Nothing in here reads a clock, a file or the environment.
///
///   waiting ──Begin──▶ training ──all ranks idle, nothing left to start──▶ closing ──Saved──▶ over
///                         │  ▲                                                ▲
///                         │  └─ AttemptEnded, Saved, StepsMade                │
///                         └─ StopRequested, job failed, SaveFailed, time ──▶ stopping (deadline)
///
/// State first, effects after: what others can see (a report, the next attempt, the verdict)
/// leaves only after the Save that holds it came back as Saved. One Save is under way at a time;
/// rows that arrive meanwhile go together into the next one.
///
/// Time: no training is started that cannot end before the job's time is over (fits()); then the
/// trainings are stopped, early enough for the job to have left before its end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/doors.hpp"
#include "reprise/core/job_plan.hpp"
#include "reprise/core/job_state.hpp"
#include "reprise/core/verdict.hpp"
#include "reprise/core/walltime.hpp"

namespace reprise {

/// The moment at which an event is handled.
struct Instant {
    TimePoint monotonic;
    double unix_s = 0.0;  ///< seconds since the epoch
};

enum class StopReason {
    time_limit,     ///< the job's time is nearly over: leave for a resume
    terminated,     ///< TERM or INT: save, and say nothing
    job_failed,     ///< another learning run failed for good
    launcher_lost,  ///< it was killed: leave for a resume, at once
};

// ---- events -------------------------------------------------------------------------------------
/// First of all events.
struct Begin {
    std::vector<LeftoverAttempt> leftovers;  ///< directories of attempts found in working_dir
    std::string host;                        ///< of rank 0
    std::optional<Walltime> walltime{};      ///< nothing: no end is known
};
struct AttemptEnded {
    int rank = 0;
    AttemptRecord record;
    std::vector<std::string> stderr_tail;  ///< last lines of its stderr, for people
};
/// What the learning curve of a running attempt shows.
struct StepsMade {
    int rank = 0;
    AttemptKey key;
    std::int64_t steps = 0;  ///< the attempt's counter (checkpoints.hpp)
    double reward = 0.0;     ///< last finite one; NaN: none yet
    std::int64_t done = 0;   ///< steps of its iteration behind it, over all parts
};
struct Saved {
    std::int64_t generation = 0;
};
struct SaveFailed {
    std::int64_t generation = 0;
    std::string what;
};
struct StopRequested {
    StopReason reason = StopReason::terminated;
};
/// The deadline has come (see Dispatcher::deadline).
struct Tick {};
using DispatcherEvent =
    std::variant<Begin, AttemptEnded, StepsMade, Saved, SaveFailed, StopRequested, Tick>;

// ---- actions ------------------------------------------------------------------------------------
struct StartAttempt {
    int rank = 0;
    AttemptKey key;
    std::int64_t seed = 0;
    std::optional<AttemptKey> loaded_from;  ///< whose model it continues

    friend bool operator==(StartAttempt const&, StartAttempt const&) = default;
};
struct StopAttempt {
    int rank = 0;
    AttemptKey key;
    StopReason reason = StopReason::terminated;
    /// What is left for it, however long its own grace is; nothing: what the reason allows.
    std::optional<Duration> kill_after{};

    friend bool operator==(StopAttempt const&, StopAttempt const&) = default;
};
/// Make these rows durable, then answer with Saved or SaveFailed of the same generation.
struct Save {
    std::int64_t generation = 0;
    std::vector<AttemptRecord> attempts;
    std::vector<StartRecord> starts;

    friend bool operator==(Save const&, Save const&) = default;
};
struct SendProgress {
    double fraction = 0.0;  ///< (0, 1]

    friend bool operator==(SendProgress const&, SendProgress const&) = default;
};
struct SendEarlyReport {
    Metrics metrics;

    friend bool operator==(SendEarlyReport const&, SendEarlyReport const&) = default;
};
/// A line for people.
struct Note {
    enum class Level { info, warning } level = Level::info;
    int rank = 0;
    std::optional<AttemptKey> key;
    std::string text;

    friend bool operator==(Note const&, Note const&) = default;
};
/// The last action ever: close the results file, dismiss the ranks, hand on the verdict.
struct Finish {
    Verdict verdict;

    friend bool operator==(Finish const&, Finish const&) = default;
};
using DispatcherAction =
    std::variant<StartAttempt, StopAttempt, Save, SendProgress, SendEarlyReport, Note, Finish>;

/// Time that ranks get to stop in order before the job leaves without their answer.
struct StopLimits {
    Duration terminated = std::chrono::milliseconds(3500);  ///< of the 5 s after a TERM
    /// Of the 2 s after which nothing may be left of a job whose launcher was killed.
    Duration launcher_lost = std::chrono::milliseconds(1000);
    /// What a training may take by its own grace, and more; the job's end comes before it.
    Duration otherwise = std::chrono::seconds(30);
    /// USR1 comes so long before the end, where nothing else tells it.
    Duration announced = std::chrono::seconds(60);
};

class Dispatcher {
  public:
    /// @param history rows of all earlier starts; throws Error{corrupt} when they contradict
    /// @param ranks   ranks that train, >= 1; rank 0 is one of them
    Dispatcher(JobPlan plan, History const& history, int ranks, StopLimits limits = {});

    [[nodiscard]] std::vector<DispatcherAction> handle(DispatcherEvent const& event, Instant now);

    /// When to send a Tick, if nothing else happens before.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept {
        return phase_ == Phase::training ? time_over_ : deadline_;
    }
    [[nodiscard]] bool over() const noexcept { return phase_ == Phase::over; }
    /// What is durable.
    [[nodiscard]] JobState const& state() const noexcept { return state_; }
    /// Throws ContractViolation when the dispatcher contradicts itself.
    void check_invariants() const;

  private:
    enum class Phase { waiting, training, stopping, closing, over };
    /// A training that a rank was told to run and has not reported as ended.
    struct Training {
        AttemptKey key;
        std::int64_t done = 0;  ///< steps of its iteration
        double reward = 0.0;
    };
    using Actions = std::vector<DispatcherAction>;

    void on(Begin const& event, Instant now, Actions& out);
    void on(AttemptEnded const& event, Instant now, Actions& out);
    void on(StepsMade const& event, Instant now, Actions& out);
    void on(Saved const& event, Instant now, Actions& out);
    void on(SaveFailed const& event, Instant now, Actions& out);
    void on(StopRequested const& event, Instant now, Actions& out);
    void on(Tick const& event, Instant now, Actions& out);

    void begin_start(Begin const& event, Instant now, Actions& out);
    void repeat_verdict(Begin const& event);
    void remember(AttemptRecord const& row, std::vector<std::string> const& stderr_tail);
    void note_result(AttemptRecord const& row, Actions& out) const;
    [[nodiscard]] std::optional<Verdict> failure() const;
    [[nodiscard]] std::optional<std::string> common_quick_failure() const;
    void mark_due(int learning_run);
    [[nodiscard]] bool idle() const;
    [[nodiscard]] bool nothing_to_save() const;
    void start_trainings(Instant now, Actions& out);
    void start_training(std::size_t rank, int learning_run, Actions& out);
    [[nodiscard]] bool fits(std::size_t rank, int learning_run, double now_s) const;
    [[nodiscard]] bool something_fits(double now_s) const;
    [[nodiscard]] Duration time_to_stop(StopReason reason, double now_s) const;
    void learn_time(AttemptRecord const& row);
    [[nodiscard]] std::vector<double> cut_starts() const;
    [[nodiscard]] std::optional<Verdict> walltime_too_short(double now_s) const;
    void nothing_fits(double now_s);
    void queue_milestones();
    [[nodiscard]] double done_fraction(int learning_run) const;
    [[nodiscard]] Training const* training_of(int learning_run) const;
    void stop(StopReason reason, Instant now, Actions& out);
    void save_if_needed(Actions& out);
    void move_on(Instant now, Actions& out);
    void close(Instant now);
    void finish(Actions& out);
    [[nodiscard]] Verdict verdict_now() const;
    void queue_start_row();
    [[nodiscard]] Metrics metrics_of(std::vector<double> const& rewards) const;

    JobState state_;
    IterationTimes times_;
    StopLimits limits_;
    Phase phase_ = Phase::waiting;
    std::vector<std::optional<Training>> ranks_;
    int target_iterations_ = 0;             ///< where this start leaves
    std::map<AttemptKey, int> free_parts_;  ///< by part 0: the first part without a directory
    std::set<std::pair<int, int>> due_;     ///< (iterations done, learning run): to be started
    std::optional<StopReason> stop_reason_;
    std::optional<Verdict> failure_;  ///< what ends the job whatever the rows say
    std::optional<Verdict> verdict_;  ///< once closing
    std::optional<TimePoint> deadline_;
    std::optional<Walltime> walltime_;
    std::optional<TimePoint> time_over_;  ///< when trainings are stopped for want of time
    std::vector<bool> has_trained_;       ///< by rank: it was given a training in this start
    std::set<int> trained_runs_;          ///< learning runs that were given a rank in this start
    std::string out_of_time_;             ///< why nothing more was started; empty: it was
    StartRecord this_start_;              ///< as it should be on disk
    bool disk_failed_ = false;            ///< nothing can be saved any more

    std::int64_t generation_ = 0;
    std::optional<Save> under_way_;
    std::vector<AttemptRecord> queued_attempts_;
    std::vector<StartRecord> queued_starts_;
    std::vector<Metrics> reports_under_way_;  ///< to send when under_way_ is saved
    std::vector<Metrics> queued_reports_;
    std::map<int, std::vector<std::string>> stderr_tails_;  ///< of the last failure of a run
    std::map<int, int> quick_failures_;  ///< per run, with the common message, in this start
    std::string quick_message_;          ///< the common message, made comparable
    bool set_up_in_doubt_ = true;        ///< every failure so far was quick and said the same
};

/// A training that fails sooner than this has probably been set up wrongly.
inline constexpr double quick_failure_s = 10.0;
/// So many quick failures of every learning run with one message are a set-up error.
inline constexpr int quick_failures_of_each_run = 2;

}  // namespace reprise
