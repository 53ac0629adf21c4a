/// @file One rank's decisions about the training it runs. A function of events, like Dispatcher.
///
///     idle ──Ordered──▶ running ──TrainingOver──▶ reading ──CurveRead──▶ idle (Report)
///      ▲                  │  └─ StopAsked: Stop, then Kill when its time is over
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
};

/// What the reward file says at the end of a training.
struct CurveFacts {
    bool file_found = false;
    RewardReading reward = RewardHasNoValue{};
    std::int64_t steps = 0;  ///< 0: not known
};

// ---- events -------------------------------------------------------------------------------------
struct Ordered {
    AttemptKey key;
    std::int64_t seed = 0;      ///< that the training gets
    std::string loaded_from;    ///< directory name of the attempt it continues; may be empty
    std::string reward_file;    ///< for messages
    std::string reward_column;  ///< for messages
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
struct StopAsked {
    AttemptKey key;
    StopReason reason = StopReason::terminated;
};
/// The deadline has come (see RunSupervisor::deadline).
struct DeadlinePassed {};
using SupervisorEvent =
    std::variant<Ordered, StartFailed, TrainingOver, CurveRead, StopAsked, DeadlinePassed>;

// ---- actions ------------------------------------------------------------------------------------
/// Make the directory and the files and start the processes; answer StartFailed or, in the end,
/// TrainingOver.
struct StartTraining {};
/// Ask the training to end.
struct StopTraining {};
/// Kill all of it.
struct KillTraining {};
/// Answer with CurveRead.
struct ReadCurve {};
/// To rank 0. The shell adds the host, the cores and the last lines of stderr.
struct ReportAttempt {
    AttemptRecord record;
};
using SupervisorAction =
    std::variant<StartTraining, StopTraining, KillTraining, ReadCurve, ReportAttempt>;

/// How long a training may take to end when the whole job must be gone 5 s after a TERM.
inline constexpr Duration terminated_grace = std::chrono::milliseconds(2500);
/// The same when it must be gone 2 s after its launcher.
inline constexpr Duration launcher_lost_grace = std::chrono::milliseconds(600);

class RunSupervisor {
  public:
    [[nodiscard]] std::vector<SupervisorAction> handle(SupervisorEvent const& event, Instant now);

    [[nodiscard]] bool idle() const noexcept { return !running_; }
    /// When to send DeadlinePassed, if nothing else happens before.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept {
        return running_ ? running_->deadline : std::nullopt;
    }
    /// The attempt that runs.
    [[nodiscard]] std::optional<AttemptKey> key() const {
        return running_ ? std::optional(running_->order.key) : std::nullopt;
    }

  private:
    struct Running {
        Ordered order;
        double start = 0.0;
        std::optional<StopReason> stop;
        std::optional<TimePoint> deadline;
        std::optional<TrainingFacts> facts;  ///< once it is over
        double end = 0.0;
    };
    using Actions = std::vector<SupervisorAction>;

    [[nodiscard]] static AttemptRecord record_of(Running const& running);
    void on(Ordered const& event, Instant now, Actions& out);
    void on(StartFailed const& event, Instant now, Actions& out);
    void on(TrainingOver const& event, Instant now, Actions& out);
    void on(CurveRead const& event, Instant now, Actions& out);
    void on(StopAsked const& event, Instant now, Actions& out);
    void on(DeadlinePassed const& event, Instant now, Actions& out);

    std::optional<Running> running_;
};

/// What an attempt's row says about its end. Pure. Expects a record whose reward is NaN.
/// @param stop_asked whether the job wanted it to end
void judge(AttemptRecord& record, TrainingFacts const& training, CurveFacts const& curve,
           bool stop_asked, Ordered const& order);

}  // namespace reprise
