#include "reprise/core/attempt.hpp"

#include <gtest/gtest.h>

namespace reprise {
namespace {

TEST(AttemptTest, DirectoryHasRunIterationAndAttempt) {
    EXPECT_EQ(directory_name({.learning_run = 2, .iteration = 1, .attempt = 3}), "run_2.1-3");
}

TEST(AttemptTest, PartIsNamedOnlyAfterAnInterruption) {
    EXPECT_EQ(directory_name({.learning_run = 0, .iteration = 0, .attempt = 0, .part = 2}),
              "run_0.0-0.part2");
}

TEST(AttemptTest, InterruptionAndLossAreNoFailures) {
    EXPECT_FALSE(counts_as_failure(AttemptOutcome::interrupted));
    EXPECT_FALSE(counts_as_failure(AttemptOutcome::lost));
    EXPECT_TRUE(counts_as_failure(AttemptOutcome::reward_not_finite));
}

TEST(AttemptTest, BeingOverALimitIsAFailure) {
    EXPECT_TRUE(counts_as_failure(AttemptOutcome::time_limit_exceeded));
    EXPECT_TRUE(counts_as_failure(AttemptOutcome::stalled));
    EXPECT_TRUE(counts_as_failure(AttemptOutcome::out_of_memory));
}

}  // namespace
}  // namespace reprise
