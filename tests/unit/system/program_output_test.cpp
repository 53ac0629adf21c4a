#include "reprise/system/program_output.hpp"

#include <gtest/gtest.h>

#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<std::string> const environment{"PATH=/usr/bin:/bin", "WORD=hello"};

std::optional<std::string> output_of_script(std::string const& script, Duration limit) {
    return output_of({"sh", "-c", script}, environment, limit);
}

TEST(ProgramOutputTest, IsWhatItWroteToItsStandardOutput) {
    EXPECT_EQ(output_of_script("echo $WORD; echo noise >&2", seconds(20)), "hello\n");
    EXPECT_EQ(output_of_script("true", seconds(20)), "");
    auto const much = output_of_script("head -c 300000 /dev/zero", seconds(20));
    ASSERT_TRUE(much.has_value());
    EXPECT_EQ(much->size(), 300000U);
}

TEST(ProgramOutputTest, IsNothingWhenItFailedOrIsNotThere) {
    EXPECT_FALSE(output_of_script("echo x; exit 1", seconds(20)));
    EXPECT_FALSE(output_of_script("echo x; kill -9 $$", seconds(20)));
    EXPECT_FALSE(output_of({"no-such-program"}, environment, seconds(20)));
    EXPECT_FALSE(output_of_script("head -c 5000000 /dev/zero", seconds(20)));
}

TEST(ProgramOutputTest, IsNotWaitedForLongerThanTheLimit) {
    SystemClock const clock;
    auto const before = clock.now();
    EXPECT_FALSE(output_of_script("echo x; exec sleep 60", milliseconds(200)));
    EXPECT_LT(clock.now() - before, seconds(10));
}

TEST(ProgramOutputTest, AChildOfTheProgramThatHoldsThePipeIsNotWaitedFor) {
    SystemClock const clock;
    auto const before = clock.now();
    EXPECT_EQ(output_of_script("sleep 20 & echo x", seconds(30)), "x\n");
    EXPECT_LT(clock.now() - before, seconds(10));
}

}  // namespace
}  // namespace reprise
