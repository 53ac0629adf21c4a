/// @file One rank's decisions about the training it runs. A function of events, like Dispatcher.
///
///     idle ──Ordered──▶ running ──TrainingOver──▶ reading ──CurveRead──▶ idle (Report)
///      ▲                  │  └─ StopAsked, or over a limit: Stop, then Kill when its time is over
///      └────Report────────┘ StartFailed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/dispatcher.hpp"
#include "reprise/statistics/learning_curve.hpp"

namespace reprise {

/// What a training is held to. Zero: no such limit.
struct RunLimits {
    Duration run_time{0};        ///< from the order on
    Duration stall{0};           ///< without a sign of life
    std::int64_t memory_mb = 0;  ///< MiB, of all its processes together
    Duration stop_grace{0};      ///< that the shell gives it after StopTraining

    friend bool operator==(RunLimits const&, RunLimits const&) = default;
};

/// What shows that a training lives: it grows. Sizes in bytes; 0: no such file yet.
struct SignsOfLife {
    std::int64_t reward_file = 0;
    std::int64_t stdout_file = 0;
    std::int64_t stderr_file = 0;

    friend bool operator==(SignsOfLife const&, SignsOfLife const&) = default;
};

/// Whether the kernel killed a process of the training because memory ran out.
enum class OutOfMemory {
    no,
    in_run,  ///< the training's own limit was reached
    in_job,  ///< that of the whole job was; its learner need not be the one that was killed
};

/// Why a training was ended from here.
struct ExceededLimit {
    AttemptOutcome outcome = AttemptOutcome::none;  ///< time_limit_exceeded, stalled, out_of_memory
    std::string message;                            ///< one line for people
};

/// How a training ended, as the shell saw it.
struct TrainingFacts {
    enum class End {
        learner_ended,  ///< by itself
        backend_died,   ///< before the learner, which was killed
        not_started,    ///< a command could not be started
        stopped,        ///< by a signal that asked it to end, and all of it
        helper_lost,    ///< what held it together was killed; it was killed too
    };
    End end = End::helper_lost;
    int exit_code = -1;   ///< of the learner, or of the backend that died; -1: none
    int signal = 0;       ///< that ended it; 0: none
    std::string message;  ///< one line for people
    std::string last_stderr_line;
    double cpu_s = 0.0;
    double peak_memory_mb = 0.0;
    OutOfMemory out_of_memory = OutOfMemory::no;
};

/// What the reward file says at the end of a training.
struct CurveFacts {
    bool file_found = false;
    RewardReading reward = RewardHasNoValue{};
    std::int64_t steps = 0;  ///< the attempt's counter (checkpoints.hpp); 0: not known
    std::int64_t done = 0;   ///< steps of its iteration that it has behind it, over all parts
};

// ---- events -------------------------------------------------------------------------------------
struct Ordered {
    AttemptKey key;
    std::int64_t seed = 0;      ///< that the training gets
    std::string loaded_from;    ///< directory name of the attempt it continues; may be empty
    std::string reward_file;    ///< for messages
    std::string reward_column;  ///< for messages
    RunLimits limits;
    std::int64_t steps_before = 0;  ///< the attempt's counter when it goes on from a checkpoint
};
/// The directory, the configuration or the process could not be made.
struct StartFailed {
    std::string what;
};
struct TrainingOver {
    TrainingFacts facts;
};
struct CurveRead {
    CurveFacts facts;
};
/// The answer to LookForLife.
struct LifeSeen {
    SignsOfLife signs;
};
/// The answer to LookAtMemory.
struct MemorySeen {
    double used_mb = 0.0;         ///< MiB, of all processes; 0: the kernel watches the limit
    bool process_killed = false;  ///< the kernel killed one of them for being over the limit
};
struct StopAsked {
    AttemptKey key;
    StopReason reason = StopReason::terminated;
    std::optional<Duration> kill_after{};  ///< beside what the reason allows
};
/// The deadline has come (see RunSupervisor::deadline).
struct DeadlinePassed {};
using SupervisorEvent = std::variant<Ordered, StartFailed, TrainingOver, CurveRead, LifeSeen,
                                     MemorySeen, StopAsked, DeadlinePassed>;

// ---- actions ------------------------------------------------------------------------------------
/// Make the directory and the files and start the processes; answer StartFailed or, in the end,
/// TrainingOver.
struct StartTraining {};
/// Ask the training to end.
struct StopTraining {};
/// Kill all of it.
struct KillTraining {};
/// Answer with LifeSeen.
struct LookForLife {};
/// Answer with MemorySeen.
struct LookAtMemory {};
/// Answer with CurveRead.
struct ReadCurve {};
/// To rank 0. The shell adds the host, the cores and the last lines of stderr.
struct ReportAttempt {
    AttemptRecord record;
};
using SupervisorAction = std::variant<StartTraining, StopTraining, KillTraining, LookForLife,
                                      LookAtMemory, ReadCurve, ReportAttempt>;

/// How long a training may take to end when the whole job must be gone 5 s after a TERM.
inline constexpr Duration terminated_grace = std::chrono::milliseconds(2500);
/// The same when it must be gone 2 s after its launcher.
inline constexpr Duration launcher_lost_grace = std::chrono::milliseconds(600);
/// How often memory is looked at where there is a limit.
inline constexpr Duration memory_look_interval = std::chrono::seconds(1);
/// How often signs of life are looked for: a tenth of the timeout, within these.
inline constexpr Duration shortest_life_interval = std::chrono::milliseconds(100);
inline constexpr Duration longest_life_interval = std::chrono::seconds(30);
/// Beside twice the grace, for a training that is over a limit to be gone before it is killed from
/// here: its helper needs as long in the worst case (learner, stop command, backend).
inline constexpr Duration limit_patience = std::chrono::seconds(5);

class RunSupervisor {
  public:
    [[nodiscard]] std::vector<SupervisorAction> handle(SupervisorEvent const& event, Instant now);

    [[nodiscard]] bool idle() const noexcept { return !running_; }
    /// When to send DeadlinePassed, if nothing else happens before.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept;
    /// The attempt that runs.
    [[nodiscard]] std::optional<AttemptKey> key() const {
        return running_ ? std::optional(running_->order.key) : std::nullopt;
    }

  private:
    struct Running {
        Ordered order;
        double start = 0.0;
        std::optional<StopReason> stop;
        std::optional<ExceededLimit> exceeded;  ///< unless a stop was asked for before
        std::optional<TimePoint> kill_at;
        std::optional<TimePoint> time_limit_at;
        std::optional<TimePoint> life_look_at;
        std::optional<TimePoint> memory_look_at;
        SignsOfLife signs;  ///< last seen
        TimePoint signs_seen_at;
        Duration quiet{0};                   ///< how long they have been the same
        std::optional<TrainingFacts> facts;  ///< once it is over
        double end = 0.0;
    };
    using Actions = std::vector<SupervisorAction>;

    [[nodiscard]] static AttemptRecord record_of(Running const& running);
    void on(Ordered const& event, Instant now, Actions& out);
    void on(StartFailed const& event, Instant now, Actions& out);
    void on(TrainingOver const& event, Instant now, Actions& out);
    void on(CurveRead const& event, Instant now, Actions& out);
    void on(LifeSeen const& event, Instant now, Actions& out);
    void on(MemorySeen const& event, Instant now, Actions& out);
    void on(StopAsked const& event, Instant now, Actions& out);
    void on(DeadlinePassed const& event, Instant now, Actions& out);

    void exceed(ExceededLimit limit, Instant now, Actions& out);

    std::optional<Running> running_;
};

/// What an attempt's row says about its end. Pure. Expects a record whose reward is NaN.
/// @param stop_asked whether the job wanted it to end
/// @param exceeded   the limit for which it was ended, before the job wanted that
void judge(AttemptRecord& record, TrainingFacts const& training, CurveFacts const& curve,
           bool stop_asked, std::optional<ExceededLimit> const& exceeded, Ordered const& order);

}  // namespace reprise
