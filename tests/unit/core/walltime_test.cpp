#include "reprise/core/walltime.hpp"

#include <gtest/gtest.h>

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

AttemptRecord row(AttemptKey key, AttemptOutcome outcome, double took, int start_number = 0,
                  std::string loaded_from = {}) {
    AttemptRecord record;
    record.key = key;
    record.outcome = outcome;
    record.start = 1000.0;
    record.end = 1000.0 + took;
    record.start_number = start_number;
    record.loaded_from = std::move(loaded_from);
    return record;
}

TEST(WalltimeTest, TheMarginIsAMinuteAndTheGraceButAtMostATenthOfTheTime) {
    EXPECT_DOUBLE_EQ(default_stop_margin_s(3.0, std::nullopt), 63.0);
    EXPECT_DOUBLE_EQ(default_stop_margin_s(3.0, 3600.0), 63.0);
    EXPECT_DOUBLE_EQ(default_stop_margin_s(300.0, 36000.0), 360.0);
    EXPECT_DOUBLE_EQ(default_stop_margin_s(3.0, 100.0), 10.0);
    EXPECT_DOUBLE_EQ(default_stop_margin_s(3.0, 0.0), 0.0);
    EXPECT_DOUBLE_EQ(default_stop_margin_s(3.0, -5.0), 0.0);  // its end was before its beginning
}

TEST(WalltimeTest, HalfOfTheMarginIsForLeavingButAtMostTenSeconds) {
    EXPECT_EQ(time_to_leave(seconds(63)), seconds(10));
    EXPECT_EQ(time_to_leave(seconds(4)), seconds(2));
    EXPECT_EQ(time_to_leave(Duration::zero()), Duration::zero());
}

TEST(WalltimeTest, ASignalShortlyBeforeTheEndOrAfterItIsTheTimeLimit) {
    Walltime const walltime{1000.0, 2000.0, 60.0};
    EXPECT_FALSE(at_known_end(std::nullopt, 2000.0));
    EXPECT_FALSE(at_known_end(walltime, 1990.0));  // trainings are being stopped: somebody else
    EXPECT_TRUE(at_known_end(walltime, 1995.0));
    EXPECT_TRUE(at_known_end(walltime, 2000.0));
    EXPECT_TRUE(at_known_end(walltime, 2030.0));  // clusters look now and then only
}

TEST(WalltimeTest, LearnsTheShortestAndTheLongestIteration) {
    IterationTimes times;
    EXPECT_FALSE(times.shortest() || times.longest());
    times.add(row({0, 0, 0, 0}, AttemptOutcome::succeeded, 50.0));
    times.add(row({1, 0, 0, 0}, AttemptOutcome::succeeded, 70.0));
    times.add(row({2, 0, 0, 0}, AttemptOutcome::learner_failed, 5.0));
    EXPECT_DOUBLE_EQ(times.shortest().value(), 50.0);
    EXPECT_DOUBLE_EQ(times.longest().value(), 70.0);
    EXPECT_DOUBLE_EQ(times.longest_cut(), 0.0);
}

TEST(WalltimeTest, PartsThatGoOnMakeUpTheIteration) {
    IterationTimes times(true);
    times.add(row({0, 0, 0, 0}, AttemptOutcome::interrupted, 40.0));
    EXPECT_DOUBLE_EQ(times.spent(0), 40.0);
    times.add(row({0, 0, 0, 1}, AttemptOutcome::lost, 30.0, 1, "run_0.0-0"));
    EXPECT_DOUBLE_EQ(times.spent(0), 70.0);
    EXPECT_DOUBLE_EQ(times.spent(1), 0.0);
    times.add(row({0, 0, 0, 2}, AttemptOutcome::succeeded, 20.0, 2, "run_0.0-0.part1"));
    EXPECT_DOUBLE_EQ(times.shortest().value(), 90.0);
    EXPECT_DOUBLE_EQ(times.spent(0), 0.0);  // of the next iteration
    EXPECT_DOUBLE_EQ(times.longest_cut(), 0.0);
}

TEST(WalltimeTest, APartThatBeginsAnewCountsAlone) {
    IterationTimes times(true);
    times.add(row({0, 1, 0, 0}, AttemptOutcome::interrupted, 40.0));
    times.add(row({0, 1, 0, 1}, AttemptOutcome::interrupted, 30.0, 1, "run_0.0-0"));
    EXPECT_DOUBLE_EQ(times.spent(0), 30.0);
    times.add(row({0, 1, 0, 2}, AttemptOutcome::succeeded, 50.0, 2, "run_0.0-0"));
    EXPECT_DOUBLE_EQ(times.longest().value(), 50.0);
}

TEST(WalltimeTest, AFailureThrowsAwayWhatWasSpent) {
    IterationTimes times(true);
    times.add(row({0, 0, 0, 0}, AttemptOutcome::interrupted, 40.0));
    times.add(row({0, 0, 0, 1}, AttemptOutcome::learner_failed, 1.0, 1, "run_0.0-0"));
    EXPECT_DOUBLE_EQ(times.spent(0), 0.0);
}

TEST(WalltimeTest, WithoutCheckpointsACutTellsALowerBound) {
    IterationTimes times;
    times.add(row({0, 0, 0, 0}, AttemptOutcome::interrupted, 40.0));
    times.add(row({0, 0, 0, 1}, AttemptOutcome::lost, 300.0));  // when it died is not known well
    EXPECT_DOUBLE_EQ(times.spent(0), 0.0);
    EXPECT_DOUBLE_EQ(times.longest_cut(), 40.0);
    times.add(row({0, 0, 0, 2}, AttemptOutcome::succeeded, 60.0));
    EXPECT_DOUBLE_EQ(times.shortest().value(), 60.0);
}

TEST(WalltimeTest, WithCheckpointsOnlyPartsThatBegunAnewWereForNothing) {
    IterationTimes times(true);
    times.add(row({0, 0, 0, 0}, AttemptOutcome::interrupted, 40.0, 0));
    EXPECT_EQ(times.last_fruitful_start(), 0);  // it may have left a checkpoint
    times.add(row({0, 0, 0, 1}, AttemptOutcome::interrupted, 45.0, 1));
    EXPECT_EQ(times.last_fruitful_start(), 0);  // it had not
    EXPECT_DOUBLE_EQ(times.longest_cut(), 45.0);
    times.add(row({0, 0, 0, 2}, AttemptOutcome::interrupted, 45.0, 2, "run_0.0-0.part1"));
    EXPECT_EQ(times.last_fruitful_start(), 2);
    times.add(row({0, 0, 0, 3}, AttemptOutcome::interrupted, 46.0, 3, "run_0.0-0.part1"));
    EXPECT_EQ(times.last_fruitful_start(), 2);  // part 2 had left no newer one
    EXPECT_DOUBLE_EQ(times.longest_cut_in(3), 46.0);
}

TEST(WalltimeTest, KnowsTheLastStartInWhichATrainingEndedByItself) {
    IterationTimes times;
    EXPECT_EQ(times.last_fruitful_start(), -1);
    times.add(row({0, 0, 0, 0}, AttemptOutcome::interrupted, 40.0, 3));
    EXPECT_EQ(times.last_fruitful_start(), -1);
    times.add(row({0, 0, 0, 1}, AttemptOutcome::learner_failed, 40.0, 4));
    times.add(row({0, 0, 1, 0}, AttemptOutcome::lost, 40.0, 5));
    EXPECT_EQ(times.last_fruitful_start(), 4);
}

TEST(WalltimeTest, SecondsForPeople) {
    EXPECT_EQ(shown_seconds(0.5), "0.5 s");
    EXPECT_EQ(shown_seconds(95.4), "95 s");
    EXPECT_EQ(shown_seconds(3540.0), "59 min");
    EXPECT_EQ(shown_seconds(7500.0), "2 h 5 min");
}

}  // namespace
}  // namespace reprise
