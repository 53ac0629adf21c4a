#include "support/dispatcher_fixture.hpp"

namespace reprise {
namespace {

/// One learning run unless a test says otherwise; a start has 100 s, of which 10 are the margin.
class DispatcherTimeTest : public testing::DispatcherFixture {
  protected:
    DispatcherTimeTest() {
        plan.learning_runs = plan.accept = 1;
        time_s = 100.0;
    }

    void expect_reason(Verdict const& verdict, std::string const& part) {
        EXPECT_NE(verdict.reason.find(part), std::string::npos) << verdict.reason;
    }

    /// The start that is under way stops its only training when its time is over.
    void run_into_the_end(AttemptKey which, double begun_at = 0.0, std::int64_t steps = 50) {
        pass(90.0 - begun_at);
        handle(Tick{});
        expect_stop(0, which);
        interrupted_now(0, which, 90.0 - begun_at, steps);
        save();
        save();
        expect_reason(expect_finish(VerdictKind::resume), "time");
        expect_nothing_else();
    }
};

TEST_F(DispatcherTimeTest, StopsTrainingsTheMarginBeforeTheEnd) {
    start(1);
    expect_start(0, key(0, 0));
    ASSERT_TRUE(dispatcher().deadline().has_value());
    pass(89.0);
    handle(Tick{});  // too early: nothing
    expect_nothing_else();
    pass(1.1);
    handle(Tick{});
    expect_stop(0, key(0, 0));
    EXPECT_EQ(last_stopped_.reason, StopReason::time_limit);
    interrupted(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::resume);
    EXPECT_EQ(disk.starts.at(0).outcome, StartOutcome::resume);
}

TEST_F(DispatcherTimeTest, TheGraceIsCutToWhatIsLeftOfTheMargin) {
    start(1);
    expect_start(0, key(0, 0));
    pass(90.1);
    handle(Tick{});
    expect_stop(0, key(0, 0));
    // 9.9 s are left, 5 of them are for leaving.
    double const limit =
        std::chrono::duration<double>(*dispatcher().deadline() - now().monotonic).count();
    EXPECT_NEAR(limit, 4.9, 0.01);
    double const kill = std::chrono::duration<double>(last_stopped_.kill_after.value()).count();
    EXPECT_NEAR(kill, 0.75 * 4.9, 0.01);
    pass(4.95);
    handle(Tick{});  // the rank does not answer
    save();
    expect_finish(VerdictKind::resume);
}

TEST_F(DispatcherTimeTest, Usr1WithoutAKnownEndComesTheAnnouncedTimeBeforeIt) {
    time_s = -1.0;
    start(1);
    expect_start(0, key(0, 0));
    EXPECT_FALSE(dispatcher().deadline().has_value());
    handle(StopRequested{StopReason::time_limit});
    expect_stop(0, key(0, 0));
    double const limit =
        std::chrono::duration<double>(*dispatcher().deadline() - now().monotonic).count();
    EXPECT_NEAR(limit, 30.0, 0.01);  // StopLimits::otherwise, within 60 - 10 s
}

TEST_F(DispatcherTimeTest, AJobThatFailedAlsoLeavesBeforeTheEnd) {
    plan.learning_runs = plan.accept = 2;
    plan.max_attempts = 1;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    fails(0, key(0, 0), "no luck", 60.0);
    pass(30.0);
    save();
    expect_stop(1, key(1, 0));
    EXPECT_LT(*last_stopped_.kill_after, std::chrono::seconds(6));
}

TEST_F(DispatcherTimeTest, GoesOnInTheSameStartWhileAnIterationStillFits) {
    plan.training_iterations = plan.iterations_per_start = 5;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0, 100, 25.0);
    save();
    expect_progress(0.2);
    expect_start(0, key(0, 1));
    succeeds(0, key(0, 1), 1.0, 200, 30.0);
    save();
    expect_progress(0.4);
    expect_start(0, key(0, 2));  // ends after 85 s if it takes as long as the longest
    succeeds(0, key(0, 2), 1.0, 300, 20.0);
    save();
    expect_progress(0.6);
    save();  // 75 s are gone, 15 are left: it leaves
    auto const verdict = expect_finish(VerdictKind::resume);
    expect_reason(verdict, "too short for another training iteration (30 s)");
    expect_nothing_else();
    start(1);
    expect_start(0, key(0, 3));
}

TEST_F(DispatcherTimeTest, StartsNoRetryThatCannotEnd) {
    plan.learning_runs = plan.accept = 2;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    succeeds(0, key(0, 0), 1.0, 100, 60.0);
    save();
    expect_progress(0.5);
    fails(1, key(1, 0), "bad luck", 60.0);
    save();
    save();
    expect_finish(VerdictKind::resume);
    expect_nothing_else();
    start(2);
    expect_start(0, key(1, 0, 1));
}

TEST_F(DispatcherTimeTest, ARetryAfterAQuickFailureStillFits) {
    plan.learning_runs = plan.accept = 2;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    fails(1, key(1, 0), "bad luck", 5.0);
    save();
    expect_start(1, key(1, 0, 1));  // how long it takes is not known yet
}

TEST_F(DispatcherTimeTest, ARankThatHasDoneNothingMakesNoIterationAFirstOne) {
    for (bool const checkpoints : {false, true}) {
        plan.checkpoints = checkpoints;
        plan.training_iterations = plan.iterations_per_start = 3;
        disk = {};
        start(2);
        expect_start(0, key(0, 0));
        succeeds(0, key(0, 0), 1.0, 100, 60.0);
        save();
        expect_progress(1.0 / 3);
        save();  // rank 1 has waited for 60 s, and so would the next iteration
        expect_finish(VerdictKind::resume);
        expect_nothing_else();
    }
}

TEST_F(DispatcherTimeTest, RunsThatWaitForARankAreLeftToTheNextStart) {
    plan.learning_runs = plan.accept = 2;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0, 100, 60.0);
    save();
    expect_progress(0.5);
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    expect_start(0, key(1, 0));
    succeeds(0, key(1, 0), 1.0, 100, 60.0);
    save();
    expect_progress(1.0);
    save();
    expect_finish(VerdictKind::done);
}

TEST_F(DispatcherTimeTest, WithCheckpointsTheFirstOfAStartIsBegunHoweverLongItTakes) {
    plan.checkpoints = checkpoints_are_left = true;
    plan.training_iterations = plan.iterations_per_start = 2;
    start(1);
    expect_start(0, key(0, 0));
    run_into_the_end(key(0, 0));
    start(1);
    expect_start(0, key(0, 0, 0, 1));
    succeeds(0, key(0, 0, 0, 1), 1.0, 100, 60.0);  // 150 s in all
    save();
    expect_progress(0.5);
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    expect_start(0, key(0, 1));  // cannot end in this start, but will go on in the next
}

TEST_F(DispatcherTimeTest, WithCheckpointsWhatIsLeftOfAnAttemptMayFitWhereAWholeOneDoesNot) {
    plan.checkpoints = checkpoints_are_left = true;
    plan.learning_runs = plan.accept = 3;
    start(2);
    expect_start(0, key(0, 0));
    expect_start(1, key(1, 0));
    succeeds(0, key(0, 0), 1.0, 100, 60.0);
    save();
    expect_progress(1.0 / 3);
    pass(30.1);
    handle(Tick{});
    expect_stop(1, key(1, 0));
    interrupted_now(1, key(1, 0), 90.0, 80);  // 90 s are spent on it
    save();
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    expect_start(0, key(1, 0, 0, 1));
    succeeds(0, key(1, 0, 0, 1), 1.0, 100, 10.0);
    save();
    expect_progress(2.0 / 3);
    save();  // run 2 may take 100 s
    expect_finish(VerdictKind::resume);
}

TEST_F(DispatcherTimeTest, AStartThatHasNoTimeForAnyTrainingLeavesAndTheSecondIsAnError) {
    plan.training_iterations = 3;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0, 100, 80.0);
    save();
    expect_progress(1.0 / 3);
    save();
    expect_finish(VerdictKind::resume);

    time_s = 60.0;
    start(1);
    save();
    expect_reason(expect_finish(VerdictKind::resume), "too short");
    EXPECT_FALSE(disk.starts.at(1).trained);
    expect_nothing_else();

    start(1);
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    expect_reason(verdict, "at least 80 s");
    expect_reason(verdict, "has 50 s of 60 s");
    expect_reason(verdict, "runner.stop_margin_s is 10 s");
    expect_nothing_else();

    time_s = 100.0;  // a longer job goes on
    start(1);
    expect_start(0, key(0, 1));
}

TEST_F(DispatcherTimeTest, AStartWhoseTrainingsOnlyFailedHasBegunSomething) {
    plan.learning_runs = plan.accept = 2;
    start(1);
    expect_start(0, key(0, 0));
    succeeds(0, key(0, 0), 1.0, 100, 80.0);
    save();
    expect_progress(0.5);
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    expect_start(0, key(1, 0));
    fails(0, key(1, 0), "cannot create directory", 20.0);  // 70 s are left
    save();
    save();
    expect_finish(VerdictKind::resume);
    EXPECT_FALSE(disk.starts.at(1).trained);
    time_s = 60.0;
    start(1);
    save();
    expect_finish(VerdictKind::resume);  // the first one that could begin nothing
}

TEST_F(DispatcherTimeTest, AMarginLargerThanTheTimeIsFoundOutToo) {
    margin_s = 200.0;
    for (auto const kind : {VerdictKind::resume, VerdictKind::failed}) {
        start(1);
        save();
        expect_finish(kind);
        expect_nothing_else();
    }
}

TEST_F(DispatcherTimeTest, TheTimeMayBeOverBeforeTheFirstRowIsSaved) {
    margin_s = 200.0;
    start(1);
    save();
    expect_finish(VerdictKind::resume);
    start_unsaved(1);
    ASSERT_TRUE(dispatcher().deadline().has_value());
    handle(Tick{});
    EXPECT_FALSE(dispatcher().deadline().has_value());
    save();
    save();
    expect_finish(VerdictKind::failed);
}

TEST_F(DispatcherTimeTest, WithoutCheckpointsTwoStartsThatWereCutInARowAreEnough) {
    start(1);
    expect_start(0, key(0, 0));
    run_into_the_end(key(0, 0));
    start(1);
    expect_start(0, key(0, 0, 0, 1));
    run_into_the_end(key(0, 0, 0, 1));
    start(1);
    save();
    auto const verdict = expect_finish(VerdictKind::failed);
    expect_reason(verdict, "the last 2 starts stopped their trainings after up to 90 s");
    expect_reason(verdict, "runner.stop_margin_s");
    expect_nothing_else();
    // A longer job, or one that is started by hand once more, is another matter.
    time_s = 200.0;
    start(1);
    expect_start(0, key(0, 0, 0, 2));
}

TEST_F(DispatcherTimeTest, ATrainingThatEndsInBetweenForgivesCutStarts) {
    plan.learning_runs = plan.accept = 2;
    plan.max_attempts = 9;
    start(1);
    expect_start(0, key(0, 0));
    run_into_the_end(key(0, 0));
    start(1);
    expect_start(0, key(0, 0, 0, 1));
    fails(0, key(0, 0, 0, 1), "bad luck", 30.0);  // the retry cannot end: it needs more than 90 s
    save();
    save();
    expect_finish(VerdictKind::resume);
    start(1);
    expect_start(0, key(0, 0, 1));
    run_into_the_end(key(0, 0, 1));
    start(1);
    expect_start(0, key(0, 0, 1, 1));  // only one in a row
}

TEST_F(DispatcherTimeTest, StartsThatWereStoppedEarlyByASignalAreNotBlamedOnTheTime) {
    for (int part = 0; part < 9; ++part) {
        start(1);
        expect_start(0, key(0, 0, 0, part));
        double const after_s = part % 3 == 0 ? 20.0 : 40.0;
        pass(after_s);
        handle(StopRequested{StopReason::time_limit});  // preempted, and told so by USR1
        expect_stop(0, key(0, 0, 0, part));
        interrupted_now(0, key(0, 0, 0, part), after_s, 10);
        save();
        save();
        expect_finish(VerdictKind::resume);
    }
}

TEST_F(DispatcherTimeTest, StartsThatASignalAlwaysStopsAfterTheSameTimeAreTooShort) {
    for (double const known_end : {100.0, -1.0}) {
        disk = {};
        time_s = known_end;
        for (int part = 0; part < 3; ++part) {
            start(1);
            expect_start(0, key(0, 0, 0, part));
            pass(50.0 + part);
            handle(StopRequested{StopReason::time_limit});
            expect_stop(0, key(0, 0, 0, part));
            interrupted_now(0, key(0, 0, 0, part), 50.0 + part, 10);
            save();
            save();
            expect_finish(VerdictKind::resume);
        }
        start(1);
        save();
        expect_reason(expect_finish(VerdictKind::failed), "the last 3 starts");
        start(1);  // who starts it once more wants another try
        expect_start(0, key(0, 0, 0, 3));
    }
}

TEST_F(DispatcherTimeTest, WithCheckpointsCutStartsAreTheRule) {
    plan.checkpoints = checkpoints_are_left = true;
    for (int part = 0; part < 5; ++part) {
        start(1);
        expect_start(0, key(0, 0, 0, part));
        run_into_the_end(key(0, 0, 0, part), 0.0, 10 * (part + 1));
    }
}

TEST_F(DispatcherTimeTest, CheckpointsThatNeverComeDoNotHelp) {
    plan.checkpoints = true;
    start(1);
    expect_start(0, key(0, 0));
    run_into_the_end(key(0, 0));  // has perhaps left one
    for (int part = 1; part < 3; ++part) {
        start(1);
        expect_start(0, key(0, 0, 0, part));
        run_into_the_end(key(0, 0, 0, part));
    }
    start(1);
    save();
    expect_reason(expect_finish(VerdictKind::failed), "the time of this job is too short");
}

TEST_F(DispatcherTimeTest, ATermWhileStoppingForTheTimeIsATerm) {
    start(1);
    expect_start(0, key(0, 0));
    pass(90.1);
    handle(Tick{});
    expect_stop(0, key(0, 0));
    handle(StopRequested{StopReason::terminated});
    expect_stop(0, key(0, 0));
    EXPECT_FALSE(last_stopped_.kill_after.has_value());
    interrupted(0, key(0, 0));
    save();
    save();
    expect_finish(VerdictKind::terminated);
}

}  // namespace
}  // namespace reprise
