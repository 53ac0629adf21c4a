#include "reprise/core/run_supervisor.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace reprise {
namespace {

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
        expect_only<StartTraining>(handle(Ordered{key_, 7, "run_0.0-0", "p.csv", "reward"}));
    }
    AttemptRecord over(TrainingFacts facts, CurveFacts curve = {}) {
        expect_only<ReadCurve>(handle(TrainingOver{std::move(facts)}));
        auto const actions = handle(CurveRead{std::move(curve)});
        expect_only<ReportAttempt>(actions);
        EXPECT_TRUE(supervisor_.idle());
        return std::get<ReportAttempt>(actions.at(0)).record;
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

}  // namespace
}  // namespace reprise
