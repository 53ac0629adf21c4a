#include "reprise/core/dispatcher.hpp"

#include <cmath>

#include "reprise/core/error.hpp"
#include "support/dispatcher_fixture.hpp"

namespace reprise {
namespace {

using DispatcherTest = testing::DispatcherFixture;

double metric(Verdict const& verdict, std::string const& name) {
    for (auto const& [key, value] : verdict.metrics) {
        if (key == name) return value;
    }
    ADD_FAILURE() << "no metric " << name;
    return std::numeric_limits<double>::quiet_NaN();
}

TEST_F(DispatcherTest, RerunsRunSideBySideAndTheirMeanIsTheResult) {
    start(3);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    expect_start(2, key(2, 0));
    succeeds(1, key(1, 0), 2.0);
    save();
    expect_progress(1.0 / 3);
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_progress(2.0 / 3);
    succeeds(2, key(2, 0), 3.0);
    save();
    expect_progress(1.0);
    save();  // the row of the start
    auto const verdict = expect_finish(VerdictKind::done);
    EXPECT_DOUBLE_EQ(metric(verdict, "mean_eprewmean"), 2.0);
    EXPECT_DOUBLE_EQ(metric(verdict, "std_eprewmean"), std::sqrt(2.0 / 3));
    EXPECT_NEAR(metric(verdict, "time_elapsed"), 180.0, 0.1);
    expect_nothing_else();
}

TEST_F(DispatcherTest, NothingIsAnnouncedBeforeItIsSaved) {
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0);
    save_fails("cannot write 'results.h5' (No space left on device)");
    expect_start(0, key(1, 0));
    expect_stop(0, key(1, 0));
    interrupted(0, key(1, 0));
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("No space left"), std::string::npos);
    expect_nothing_else();
}

TEST_F(DispatcherTest, AFreeRankTakesTheNextRerun) {
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    succeeds(1, key(1, 0), 1.0);
    save();
    expect_start(1, key(2, 0));
    expect_progress(1.0 / 3);
    expect_nothing_else();
}

TEST_F(DispatcherTest, RetriesAtOnceWithAnotherSeed) {
    start(3);
    expect_start(0, key(0, 0));
    auto const first_seed = last_started_.seed;
    expect_start(1, key(1, 0));
    expect_start(2, key(2, 0));
    fails(0, key(0, 0));
    save();
    expect_start(0, key(0, 0, 1));
    EXPECT_NE(last_started_.seed, first_seed);
    expect_nothing_else();
}

TEST_F(DispatcherTest, LeavesForAResumeAfterAnIterationOfAllReruns) {
    plan.learning_runs = plan.accept = 2;
    plan.training_iterations = 2;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_progress(0.25);
    succeeds(1, key(1, 0), 1.0);
    save();
    expect_progress(0.5);
    save();
    expect_finish(VerdictKind::resume);
    expect_nothing_else();

    start(1);  // fewer ranks next time
    expect_start(0, key(0, 1));
    EXPECT_EQ(last_started_.loaded_from, key(0, 0));
}

TEST_F(DispatcherTest, OneStartCanDoSeveralIterations) {
    plan.learning_runs = plan.accept = 1;
    plan.training_iterations = 2;
    plan.iterations_per_start = 2;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_progress(0.5);
    expect_start(0, key(0, 1));
    succeeds(0, key(0, 1), 5.0);
    save();
    expect_progress(1.0);
    save();
    EXPECT_DOUBLE_EQ(metric(expect_finish(VerdictKind::done), "mean_eprewmean"), 5.0);
}

TEST_F(DispatcherTest, FailuresCountOverAllIterations) {
    plan.learning_runs = plan.accept = 1;
    plan.training_iterations = 2;
    plan.iterations_per_start = 2;
    plan.max_attempts = 2;
    start(1);
    expect_start(0, key(0, 0));
    fails(0, key(0, 0));
    save();
    expect_start(0, key(0, 0, 1));
    succeeds(0, key(0, 0, 1), 1.0);
    save();
    expect_progress(0.5);
    expect_start(0, key(0, 1, 1));
    fails(0, key(0, 1, 1), "the last straw");
    save();
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("learning run 0 failed twice, which is max_attempts"),
              std::string::npos);
    EXPECT_NE(verdict.reason.find("the last straw"), std::string::npos);
}

TEST_F(DispatcherTest, AJobThatFailedStopsTheOthersAndKeepsThem) {
    plan.max_attempts = 1;
    start(3);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    expect_start(2, key(2, 0));
    succeeds(2, key(2, 0), 3.0);
    save();
    expect_progress(1.0 / 3);
    fails(1, key(1, 0));
    save();
    expect_stop(0, key(0, 0));
    interrupted(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::failed);
    ASSERT_EQ(disk.attempts.size(), 3U);
    EXPECT_EQ(disk.attempts[0].outcome, AttemptOutcome::succeeded);
    EXPECT_EQ(disk.starts.at(0).outcome, StartOutcome::failed);

    start_unsaved(3);
    expect_finish(VerdictKind::failed);
    expect_nothing_else();
}

TEST_F(DispatcherTest, AFailedJobGoesOnWhenMaxAttemptsIsRaised) {
    plan.learning_runs = plan.accept = 1;
    plan.max_attempts = 1;
    start(1);
    expect_start(0, key(0, 0));
    fails(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::failed);
    plan.max_attempts = 2;
    start(1);
    expect_start(0, key(0, 0, 1));
}

TEST_F(DispatcherTest, AcceptsKOfN) {
    plan.max_attempts = 1;
    plan.accept = 2;
    start(3);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    expect_start(2, key(2, 0));
    fails(1, key(1, 0));
    save();
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_progress(2.0 / 3);
    succeeds(2, key(2, 0), 2.0);
    save();
    expect_progress(1.0);
    save();
    EXPECT_DOUBLE_EQ(metric(expect_finish(VerdictKind::done), "mean_eprewmean"), 1.5);
}

TEST_F(DispatcherTest, EveryRerunDyingAtOnceTwiceIsASetUpError) {
    plan.learning_runs = plan.accept = 2;
    plan.max_attempts = 5;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    fails(0, key(0, 0), "exit code 1: no module named x (pid 17)", 0.5);
    save();
    expect_start(0, key(0, 0, 1));
    fails(1, key(1, 0), "exit code 1: no module named x (pid 23)", 0.5);
    save();
    expect_start(1, key(1, 0, 1));
    fails(0, key(0, 0, 1), "exit code 1: no module named x (pid 42)", 0.5);
    save();
    expect_start(0, key(0, 0, 2));
    fails(1, key(1, 0, 1), "exit code 1: no module named x (pid 99)", 0.5);
    save();
    expect_stop(0, key(0, 0, 2));
    interrupted(0, key(0, 0, 2));
    save();
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("mistake in the set-up"), std::string::npos) << verdict.reason;
    ASSERT_GE(verdict.details.size(), 2U);
    EXPECT_EQ(verdict.details[1], "Traceback:");
}

TEST_F(DispatcherTest, NothingIsStartedWhileASetUpErrorIsBeingSaved) {
    plan.learning_runs = plan.accept = 2;
    plan.max_attempts = 5;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    fails(0, key(0, 0), "no module named x", 0.5);
    fails(1, key(1, 0), "no module named x", 0.5);
    save();
    save();
    expect_start(0, key(0, 0, 1));
    expect_start(1, key(1, 0, 1));
    fails(0, key(0, 0, 1), "no module named x", 0.5);
    fails(1, key(1, 0, 1), "no module named x", 0.5);
    save();  // of the first one, whose run is due
    save();
    save();
    expect_finish(VerdictKind::failed);
}

TEST_F(DispatcherTest, DifferentMessagesAreNoSetUpError) {
    plan.learning_runs = plan.accept = 1;
    plan.max_attempts = 5;
    start(1);
    expect_start(0, key(0, 0));
    fails(0, key(0, 0), "out of luck", 0.5);
    save();
    expect_start(0, key(0, 0, 1));
    fails(0, key(0, 0, 1), "singular matrix", 0.5);
    save();
    expect_start(0, key(0, 0, 2));
}

TEST_F(DispatcherTest, ASlowFailureIsNoSetUpError) {
    plan.learning_runs = plan.accept = 1;
    plan.max_attempts = 5;
    start(1);
    expect_start(0, key(0, 0));
    fails(0, key(0, 0), "same", 0.5);
    save();
    expect_start(0, key(0, 0, 1));
    fails(0, key(0, 0, 1), "same", 11.0);
    save();
    expect_start(0, key(0, 0, 2));
}

TEST_F(DispatcherTest, TimeLimitStopsInOrderAndResumes) {
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    handle(StopRequested{StopReason::time_limit});
    expect_stop(0, key(0, 0));
    expect_stop(1, key(1, 0));
    interrupted(0, key(0, 0));
    save();
    interrupted(1, key(1, 0));
    save();
    save();
    expect_finish(VerdictKind::resume);

    start(2);
    expect_start(0, key(0, 0, 0, 1));  // goes on as the next part, and has cost no attempt
    expect_start(1, key(1, 0, 0, 1));
}

TEST_F(DispatcherTest, ATrainingThatEndedWellWhileStoppingCounts) {
    plan.learning_runs = plan.accept = 1;
    start(1);
    expect_start(0, key(0, 0));
    handle(StopRequested{StopReason::time_limit});
    expect_stop(0, key(0, 0));
    succeeds(0, key(0, 0), 4.0);
    save();
    expect_progress(1.0);
    save();
    expect_finish(VerdictKind::done);
}

TEST_F(DispatcherTest, TerminationIsSilentAndDoesNotWaitForEver) {
    start(1);
    expect_start(0, key(0, 0));
    handle(StopRequested{StopReason::terminated});
    expect_stop(0, key(0, 0));
    ASSERT_TRUE(dispatcher().deadline().has_value());
    pass(3.6);
    handle(Tick{});
    save();
    expect_finish(VerdictKind::terminated);
    EXPECT_EQ(disk.starts.at(0).outcome, StartOutcome::terminated);
}

TEST_F(DispatcherTest, WithoutItsLauncherTheJobLeavesAtOnceForAResume) {
    start(1);
    expect_start(0, key(0, 0));
    handle(StopRequested{StopReason::launcher_lost});
    expect_stop(0, key(0, 0));
    pass(1.1);
    handle(Tick{});
    save();
    expect_finish(VerdictKind::resume);
}

TEST_F(DispatcherTest, LauncherLostAfterATermIsStillTermination) {
    start(1);
    expect_start(0, key(0, 0));
    handle(StopRequested{StopReason::terminated});
    expect_stop(0, key(0, 0));
    handle(StopRequested{StopReason::launcher_lost});
    expect_nothing_else();
    interrupted(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::terminated);
}

TEST_F(DispatcherTest, TermAfterATimeLimitIsTermination) {
    start(1);
    expect_start(0, key(0, 0));
    handle(StopRequested{StopReason::time_limit});
    expect_stop(0, key(0, 0));
    handle(StopRequested{StopReason::terminated});
    expect_stop(0, key(0, 0));
    interrupted(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::terminated);
}

TEST_F(DispatcherTest, AStoredResultIsSentAgain) {
    plan.learning_runs = plan.accept = 1;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 4.0);
    save();
    expect_progress(1.0);
    save();
    auto const first = expect_finish(VerdictKind::done);

    start_unsaved(1);
    auto const second = expect_finish(VerdictKind::done);
    EXPECT_EQ(first, second);
    EXPECT_EQ(disk.starts.size(), 1U);
    expect_nothing_else();
}

TEST_F(DispatcherTest, AnAttemptLostWithItsStartGoesOnInAPart) {
    plan.learning_runs = plan.accept = 1;
    start(1);
    expect_start(0, key(0, 0));
    // Everything is killed here; its directory shows 50 steps.
    start(1, {{key(0, 0), 50, 1.7e9, 1.7e9 + 5}});
    expect_start(0, key(0, 0, 0, 1));
    ASSERT_EQ(disk.attempts.size(), 1U);
    EXPECT_EQ(disk.attempts[0].outcome, AttemptOutcome::lost);
    EXPECT_EQ(disk.starts.at(0).outcome, StartOutcome::lost);
    EXPECT_TRUE(disk.starts.at(0).trained);
}

TEST_F(DispatcherTest, TwoLostStartsWithoutATrainingStepEndInAnError) {
    plan.learning_runs = plan.accept = 1;
    start(1);
    expect_start(0, key(0, 0));
    start(1, {{key(0, 0), 0, 1.7e9, 1.7e9 + 5}});
    expect_start(0, key(0, 0, 0, 1));
    start(1, {{key(0, 0, 0, 1), 0, 1.7e9, 1.7e9 + 5}});
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("before any training made a step"), std::string::npos);
    // Whoever starts it once more after that wants another try.
    start(1);
    expect_start(0, key(0, 0, 0, 2));
}

TEST_F(DispatcherTest, AStepInBetweenForgivesALostStart) {
    plan.learning_runs = plan.accept = 1;
    start(1);
    expect_start(0, key(0, 0));
    start(1, {{key(0, 0), 0, 1.7e9, 1.7e9 + 5}});
    expect_start(0, key(0, 0, 0, 1));
    start(1, {{key(0, 0, 0, 1), 10, 1.7e9, 1.7e9 + 5}});
    expect_start(0, key(0, 0, 0, 2));
}

TEST_F(DispatcherTest, LostStartsAreNotChargedToMaxAttemptsButTheyHaveALimit) {
    plan.learning_runs = plan.accept = 1;
    plan.max_attempts = 1;
    plan.max_restarts = 20;
    std::vector<LeftoverAttempt> left;
    for (int part = 0; part <= plan.max_restarts; ++part) {
        start(1, left);
        expect_start(0, key(0, 0, 0, part));
        // Its node is lost here, after some steps.
        left = {{key(0, 0, 0, part), 50, 1.7e9, 1.7e9 + 5}};
    }
    EXPECT_EQ(dispatcher().state().failed_attempts(), 0);
    start(1, left);
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("started again 20 times, which is runner.max_restarts"),
              std::string::npos)
        << verdict.reason;
    EXPECT_EQ(disk.attempts.size(), 21U);  // the last loss is recorded, too
    plan.max_restarts = 30;
    start(1);
    expect_start(0, key(0, 0, 0, 21));
}

TEST_F(DispatcherTest, RestartsHaveALimit) {
    plan.learning_runs = plan.accept = 1;
    plan.max_restarts = 0;
    plan.training_iterations = 2;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_progress(0.5);
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    EXPECT_NE(verdict.reason.find("runner.max_restarts"), std::string::npos);
}

TEST_F(DispatcherTest, LateAndRepeatedReportsAreDropped) {
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0);
    save();
    expect_start(0, key(1, 0));
    expect_progress(1.0 / 3);
    succeeds(0, key(0, 0), 9.0);
    succeeds(7, key(1, 0), 9.0);
    expect_nothing_else();
}

TEST_F(DispatcherTest, EarlyReportsComeAtFixedMilestonesOfAllIterations) {
    plan.learning_runs = plan.accept = 2;
    plan.training_iterations = 2;
    plan.iterations_per_start = 2;
    plan.early_reports = 4;
    plan.steps_per_iteration = 100;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    handle(StepsMade{0, key(0, 0), 60, 1.0, 60});
    expect_nothing_else();
    handle(StepsMade{1, key(1, 0), 50, 3.0, 50});
    save();
    EXPECT_DOUBLE_EQ(expect_early_report().at(0).second, 2.0);
    expect_nothing_else();
    succeeds(0, key(0, 0), 5.0);
    save();
    expect_progress(0.25);
    expect_start(0, key(0, 1));
    succeeds(1, key(1, 0), 7.0);
    save();
    expect_progress(0.5);
    expect_start(1, key(1, 1));
    save();
    EXPECT_DOUBLE_EQ(expect_early_report().at(0).second, 6.0);
    handle(StepsMade{0, key(0, 1), 190, 6.0, 90});  // the counter goes on
    handle(StepsMade{1, key(1, 1), 150, 8.0, 50});
    save();
    EXPECT_DOUBLE_EQ(expect_early_report().at(0).second, 7.0);
    succeeds(0, key(0, 1), 10.0, 200);
    save();
    expect_progress(0.75);
    succeeds(1, key(1, 1), 20.0, 200);
    save();
    expect_progress(1.0);
    save();
    EXPECT_DOUBLE_EQ(expect_early_report().at(0).second, 15.0);
    save();
    expect_finish(VerdictKind::done);
    EXPECT_EQ(disk.starts.at(0).early_reports, 4);
}

TEST_F(DispatcherTest, RowsThatContradictEachOtherAreRefused) {
    AttemptRecord row;
    row.key = key(0, 1);
    row.outcome = AttemptOutcome::succeeded;
    disk.attempts = {row};
    EXPECT_THROW(Dispatcher(plan, disk, 1), Error);
    row.key = key(5, 0);
    disk.attempts = {row};
    EXPECT_THROW(Dispatcher(plan, disk, 1), Error);
}

}  // namespace
}  // namespace reprise
