#include "reprise/system/wake_up.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "reprise/core/error.hpp"
#include "reprise/system/poller.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

class WakeUpTest : public ::testing::Test {
  protected:
    static bool is_awake(WakeUp const& rank) {
        int const fd = rank.fd();
        return !wait_readable({&fd, 1}, 0s).empty();
    }
    std::string token_ = "test-" + std::to_string(::getpid());
    WakeUp first_{token_, 0};
    WakeUp second_{token_, 1};
};

TEST_F(WakeUpTest, PokeEndsTheSleepAndDrainBringsItBack) {
    EXPECT_FALSE(is_awake(second_));
    EXPECT_TRUE(first_.poke(1));
    EXPECT_TRUE(is_awake(second_));
    EXPECT_FALSE(is_awake(first_));
    EXPECT_TRUE(second_.drain());
    EXPECT_FALSE(is_awake(second_));
    EXPECT_FALSE(second_.drain());
}

TEST_F(WakeUpTest, ManyPokesNeverBlock) {
    for (int i = 0; i < 10000; ++i) ASSERT_TRUE(first_.poke(1));
    EXPECT_TRUE(second_.drain());
    EXPECT_FALSE(is_awake(second_));
}

TEST_F(WakeUpTest, OneCanPokeOneself) {
    EXPECT_TRUE(first_.poke(0));
    EXPECT_TRUE(is_awake(first_));
}

TEST_F(WakeUpTest, AbsentRankIsTold) { EXPECT_FALSE(first_.poke(7)); }

TEST_F(WakeUpTest, JobsDoNotWakeOneAnother) {
    WakeUp const other(token_ + "-other", 1);
    EXPECT_TRUE(first_.poke(1));
    EXPECT_FALSE(is_awake(other));
}

TEST_F(WakeUpTest, SameRankTwiceIsAnError) { EXPECT_THROW(WakeUp again(token_, 1), Error); }

}  // namespace
}  // namespace reprise
