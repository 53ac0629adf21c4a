#include "reprise/core/run_supervisor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace reprise {
namespace {

using namespace std::chrono_literals;

class RunSupervisorTest : public ::testing::Test {
  protected:
    std::vector<SupervisorAction> handle(SupervisorEvent const& event) {
        return supervisor_.handle(event, now_);
    }
    template <class Action>
    void expect_only(std::vector<SupervisorAction> const& actions) {
        ASSERT_EQ(actions.size(), 1U);
        EXPECT_TRUE(std::holds_alternative<Action>(actions[0]));
    }
    void order() {
        expect_only<StartTraining>(handle(Ordered{key_, 7, "run_0.0-0", "p.csv", "reward", {}}));
    }
    AttemptRecord over(TrainingFacts facts, CurveFacts curve = {}) {
        expect_only<ReadCurve>(handle(TrainingOver{std::move(facts)}));
        auto const actions = handle(CurveRead{std::move(curve)});
        expect_only<ReportAttempt>(actions);
        EXPECT_TRUE(supervisor_.idle());
        return std::get<ReportAttempt>(actions.at(0)).record;
    }
    void order_within(RunLimits const& limits) {
        expect_only<StartTraining>(
            handle(Ordered{key_, 7, "run_0.0-0", "p.csv", "reward", limits}));
    }
    std::vector<SupervisorAction> after(Duration passed, SupervisorEvent const& event) {
        now_.monotonic += passed;
        return handle(event);
    }
    /// Looks for signs of life whenever it is asked to, until so much time has passed, or until
    /// something else is asked for, which it returns.
    std::vector<SupervisorAction> lives(Duration time, SignsOfLife const& signs) {
        auto const end = now_.monotonic + time;
        while (supervisor_.deadline() && *supervisor_.deadline() <= end) {
            now_.monotonic = *supervisor_.deadline();
            auto actions = handle(DeadlinePassed{});
            if (actions.size() != 1 || !std::holds_alternative<LookForLife>(actions[0])) {
                return actions;
            }
            actions = handle(LifeSeen{signs});
            if (!actions.empty()) return actions;
        }
        now_.monotonic = end;
        return {};
    }
    static TrainingFacts stopped() {
        return {.end = TrainingFacts::End::stopped,
                .exit_code = -1,
                .signal = 15,
                .message = "the training was stopped",
                .last_stderr_line = {}};
    }
    static TrainingFacts killed(OutOfMemory out_of_memory) {
        auto facts = ended(-1);
        facts.signal = 9;
        facts.message = "the learner ended (signal 9 (Killed))";
        facts.out_of_memory = out_of_memory;
        return facts;
    }
    static TrainingFacts ended(int exit_code) {
        return {.end = TrainingFacts::End::learner_ended,
                .exit_code = exit_code,
                .signal = 0,
                .message = "the learner ended with exit code " + std::to_string(exit_code),
                .last_stderr_line = {}};
    }
    static CurveFacts reward(RewardReading reading) { return {true, std::move(reading), 12}; }

    AttemptKey key_{.learning_run = 1, .iteration = 1, .attempt = 0, .part = 0};
    Instant now_{TimePoint{}, 100.0};
    RunSupervisor supervisor_;
};

TEST_F(RunSupervisorTest, ExitCode0WithARewardSucceeds) {
    order();
    now_.unix_s = 130.0;
    auto const row = over(ended(0), reward(RewardValue{0.25}));
    EXPECT_EQ(row.outcome, AttemptOutcome::succeeded);
    EXPECT_DOUBLE_EQ(row.reward, 0.25);
    EXPECT_EQ(row.steps, 12);
    EXPECT_DOUBLE_EQ(row.start, 100.0);
    EXPECT_DOUBLE_EQ(row.end, 130.0);
    EXPECT_EQ(row.loaded_from, "run_0.0-0");
    EXPECT_EQ(row.seed, 7);
}

TEST_F(RunSupervisorTest, MissingFileColumnAndValueAreNoReward) {
    order();
    auto row = over(ended(0), {});
    EXPECT_EQ(row.outcome, AttemptOutcome::no_reward);
    EXPECT_NE(row.message.find("wrote no p.csv"), std::string::npos);
    order();
    row = over(ended(0), reward(RewardColumnMissing{}));
    EXPECT_EQ(row.outcome, AttemptOutcome::no_reward);
    EXPECT_EQ(row.message, "p.csv has no column reward");
    order();
    row = over(ended(0), reward(RewardHasNoValue{}));
    EXPECT_EQ(row.outcome, AttemptOutcome::no_reward);
}

TEST_F(RunSupervisorTest, NaNIsAFailure) {
    order();
    auto const row = over(ended(0), reward(RewardNotFinite{"nan"}));
    EXPECT_EQ(row.outcome, AttemptOutcome::reward_not_finite);
    EXPECT_TRUE(std::isnan(row.reward));
}

TEST_F(RunSupervisorTest, AFailureTellsTheLastLineOfStderr) {
    order();
    auto facts = ended(2);
    facts.last_stderr_line = "ValueError: n_steps";
    auto const row = over(facts, reward(RewardValue{0.25}));
    EXPECT_EQ(row.outcome, AttemptOutcome::learner_failed);
    EXPECT_EQ(row.message, "the learner ended with exit code 2: ValueError: n_steps");
    EXPECT_TRUE(std::isnan(row.reward));
}

TEST_F(RunSupervisorTest, ADyingBackendIsItsOwnOutcome) {
    order();
    auto const row = over({.end = TrainingFacts::End::backend_died,
                           .signal = 9,
                           .message = "the backend died",
                           .last_stderr_line = {}});
    EXPECT_EQ(row.outcome, AttemptOutcome::backend_died);
    EXPECT_EQ(row.signal, 9);
}

TEST_F(RunSupervisorTest, WhatIsStoppedInOrderIsNoFailure) {
    order();
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::time_limit}));
    EXPECT_FALSE(supervisor_.deadline().has_value());
    auto const row = over({.end = TrainingFacts::End::stopped,
                           .signal = 15,
                           .message = "stopped",
                           .last_stderr_line = {}},
                          reward(RewardValue{1.0}));
    EXPECT_EQ(row.outcome, AttemptOutcome::interrupted);
    EXPECT_EQ(row.steps, 12);
}

TEST_F(RunSupervisorTest, WhatWasStoppedByStrangersIsAFailure) {
    order();
    auto const row = over({.end = TrainingFacts::End::stopped,
                           .signal = 15,
                           .message = "killed by somebody",
                           .last_stderr_line = {}});
    EXPECT_EQ(row.outcome, AttemptOutcome::learner_failed);
}

TEST_F(RunSupervisorTest, TerminationIsImpatient) {
    order();
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::terminated}));
    EXPECT_TRUE(handle(DeadlinePassed{}).empty());
    now_.monotonic += terminated_grace;
    expect_only<KillTraining>(handle(DeadlinePassed{}));
    EXPECT_TRUE(handle(DeadlinePassed{}).empty());
}

TEST_F(RunSupervisorTest, AStopAfterTheLaunchersDeathIsMoreImpatientStill) {
    order();
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::time_limit}));
    EXPECT_TRUE(handle(StopAsked{key_, StopReason::launcher_lost}).empty());
    now_.monotonic += launcher_lost_grace;
    expect_only<KillTraining>(handle(DeadlinePassed{}));
}

TEST_F(RunSupervisorTest, ATrainingEndedJustBeforeTheStopIsJudgedByItsEnd) {
    order();
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::time_limit}));
    EXPECT_EQ(over(ended(0), reward(RewardValue{1.0})).outcome, AttemptOutcome::succeeded);
}

TEST_F(RunSupervisorTest, AStopForAnotherAttemptIsIgnored) {
    order();
    EXPECT_TRUE(handle(StopAsked{{9, 9, 9, 9}, StopReason::terminated}).empty());
}

TEST_F(RunSupervisorTest, WhatCouldNotBeStartedIsReported) {
    order();
    auto const actions = handle(StartFailed{"cannot create directory 'x' (Permission denied)."});
    expect_only<ReportAttempt>(actions);
    auto const& row = std::get<ReportAttempt>(actions[0]).record;
    EXPECT_EQ(row.outcome, AttemptOutcome::not_started);
    EXPECT_NE(row.message.find("Permission denied"), std::string::npos);
    EXPECT_TRUE(supervisor_.idle());
}

// ---- limits -------------------------------------------------------------------------------------

TEST_F(RunSupervisorTest, WithoutLimitsNothingIsWatched) {
    order();
    EXPECT_FALSE(supervisor_.deadline().has_value());
}

TEST_F(RunSupervisorTest, ATrainingThatOverrunsIsStoppedThenKilled) {
    order_within({.run_time = 100s, .stop_grace = 3s});
    EXPECT_EQ(supervisor_.deadline(), now_.monotonic + 100s);
    EXPECT_TRUE(after(99s, DeadlinePassed{}).empty());
    expect_only<StopTraining>(after(1s, DeadlinePassed{}));
    EXPECT_TRUE(after(2 * 3s + limit_patience - 1ms, DeadlinePassed{}).empty());
    expect_only<KillTraining>(after(1ms, DeadlinePassed{}));
    EXPECT_FALSE(supervisor_.deadline().has_value());
    auto const row = over(stopped());
    EXPECT_EQ(row.outcome, AttemptOutcome::time_limit_exceeded);
    EXPECT_EQ(row.message, "ran longer than 100 s (runner.run_time_limit_s)");
    EXPECT_EQ(row.signal, 15);
}

TEST_F(RunSupervisorTest, ALearnerThatEndsWellAsItsLimitComesHasSucceeded) {
    order_within({.run_time = 100s});
    expect_only<StopTraining>(after(100s, DeadlinePassed{}));
    EXPECT_EQ(over(ended(0), reward(RewardValue{1.0})).outcome, AttemptOutcome::succeeded);
}

TEST_F(RunSupervisorTest, ASilentTrainingHasStalled) {
    order_within({.stall = 600s, .stop_grace = 3s});
    EXPECT_TRUE(lives(300s, {}).empty());
    EXPECT_TRUE(lives(600s, {.reward_file = 10}).empty());  // grew meanwhile
    expect_only<StopTraining>(lives(31s, {.reward_file = 10}));
    auto const row = over(stopped());
    EXPECT_EQ(row.outcome, AttemptOutcome::stalled);
    EXPECT_EQ(row.message, "no new line in p.csv and no output for 600 s (runner.stall_timeout_s)");
}

TEST_F(RunSupervisorTest, AnySignOfLifeWillDo) {
    order_within({.stall = 10s});
    SignsOfLife signs;
    for (int i = 0; i < 9; ++i) {
        signs.reward_file += i % 3 == 0 ? 1 : 0;
        signs.stdout_file += i % 3 == 1 ? 1 : 0;
        signs.stderr_file += i % 3 == 2 ? 1 : 0;
        EXPECT_TRUE(lives(9s, signs).empty());
    }
    signs = {};  // made anew: that is a sign, too
    EXPECT_TRUE(lives(9s, signs).empty());
}

TEST_F(RunSupervisorTest, LooksForLifeAreATenthOfTheTimeoutApart) {
    for (auto const& [timeout, interval] :
         {std::pair<Duration, Duration>{50s, 5s}, {200ms, 100ms}, {24h, 30s}}) {
        order_within({.stall = timeout});
        EXPECT_EQ(supervisor_.deadline(), now_.monotonic + interval);
        now_.monotonic += interval;
        expect_only<LookForLife>(handle(DeadlinePassed{}));
        EXPECT_TRUE(handle(LifeSeen{{.stdout_file = 1}}).empty());
        EXPECT_EQ(supervisor_.deadline(), now_.monotonic + interval);
        over(ended(1));
    }
}

TEST_F(RunSupervisorTest, ARankThatWasSuspendedDoesNotBlameItsTraining) {
    order_within({.stall = 100s});
    expect_only<LookForLife>(after(10h, DeadlinePassed{}));
    EXPECT_TRUE(handle(LifeSeen{}).empty());
    EXPECT_TRUE(lives(79s, {}).empty());
    expect_only<StopTraining>(lives(1s, {}));
}

TEST_F(RunSupervisorTest, AStopThatCameBeforeTheLimitMakesItAnInterruption) {
    order_within({.run_time = 100s, .stall = 50s});
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::time_limit}));
    EXPECT_FALSE(supervisor_.deadline().has_value());
    EXPECT_TRUE(after(1000s, DeadlinePassed{}).empty());
    EXPECT_EQ(over(stopped()).outcome, AttemptOutcome::interrupted);
}

TEST_F(RunSupervisorTest, ALimitThatCameBeforeTheStopStaysTheReason) {
    order_within({.run_time = 100s});
    expect_only<StopTraining>(after(100s, DeadlinePassed{}));
    EXPECT_TRUE(handle(StopAsked{key_, StopReason::terminated}).empty());
    EXPECT_EQ(supervisor_.deadline(), now_.monotonic + terminated_grace);
    expect_only<KillTraining>(after(terminated_grace, DeadlinePassed{}));
    EXPECT_EQ(over(stopped()).outcome, AttemptOutcome::time_limit_exceeded);
}

TEST_F(RunSupervisorTest, UsingMoreMemoryThanAllowedKillsAtOnce) {
    order_within({.memory_mb = 500});
    for (int i = 0; i < 3; ++i) {
        expect_only<LookAtMemory>(after(memory_look_interval, DeadlinePassed{}));
        EXPECT_TRUE(handle(MemorySeen{500.0, false}).empty());
    }
    expect_only<LookAtMemory>(after(memory_look_interval, DeadlinePassed{}));
    expect_only<KillTraining>(handle(MemorySeen{611.2, false}));
    expect_only<KillTraining>(after(limit_patience, DeadlinePassed{}));
    auto const row = over(stopped());
    EXPECT_EQ(row.outcome, AttemptOutcome::out_of_memory);
    EXPECT_EQ(row.message, "out of memory: used 612 of 500 MiB (runner.memory_limit_mb)");
}

TEST_F(RunSupervisorTest, ATrainingThatLostAProcessToItsLimitIsOver) {
    order_within({.memory_mb = 500});
    expect_only<LookAtMemory>(after(memory_look_interval, DeadlinePassed{}));
    expect_only<KillTraining>(handle(MemorySeen{0.0, true}));
    auto const row = over(stopped());
    EXPECT_EQ(row.outcome, AttemptOutcome::out_of_memory);
    EXPECT_EQ(row.message, "out of memory: needed more than 500 MiB (runner.memory_limit_mb)");
}

TEST_F(RunSupervisorTest, ATrainingThatIsToEndMayNotUseMoreMemoryEither) {
    order_within({.memory_mb = 500});
    expect_only<StopTraining>(handle(StopAsked{key_, StopReason::time_limit}));
    expect_only<LookAtMemory>(after(memory_look_interval, DeadlinePassed{}));
    expect_only<KillTraining>(handle(MemorySeen{501.0, false}));
    EXPECT_EQ(over(stopped()).outcome, AttemptOutcome::interrupted);
}

TEST_F(RunSupervisorTest, WhatTheKernelKilledForMemoryIsToldFromOtherKills) {
    order_within({.memory_mb = 500});
    auto row = over(killed(OutOfMemory::in_run));
    EXPECT_EQ(row.outcome, AttemptOutcome::out_of_memory);
    EXPECT_EQ(row.message, "out of memory: needed more than 500 MiB (runner.memory_limit_mb)");
    EXPECT_EQ(row.signal, 9);
    order();
    row = over(killed(OutOfMemory::in_job));
    EXPECT_EQ(row.outcome, AttemptOutcome::out_of_memory);
    EXPECT_NE(row.message.find("the job or its host"), std::string::npos);
    order();
    EXPECT_EQ(over(killed(OutOfMemory::no)).outcome, AttemptOutcome::learner_failed);
}

TEST_F(RunSupervisorTest, AFailureOfItsOwnIsNotExcusedByMemoryThatOthersLacked) {
    order();
    auto facts = ended(1);
    facts.out_of_memory = OutOfMemory::in_job;
    EXPECT_EQ(over(facts).outcome, AttemptOutcome::learner_failed);
    order();
    facts.exit_code = 137;  // a shell, whose command was killed
    EXPECT_EQ(over(facts).outcome, AttemptOutcome::out_of_memory);
    order();
    facts.exit_code = 1;  // one of its workers was killed
    facts.out_of_memory = OutOfMemory::in_run;
    EXPECT_EQ(over(facts).outcome, AttemptOutcome::out_of_memory);
    order();
    facts.exit_code = 0;  // and it got over that
    EXPECT_EQ(over(facts, reward(RewardValue{1.0})).outcome, AttemptOutcome::succeeded);
}

}  // namespace
}  // namespace reprise
