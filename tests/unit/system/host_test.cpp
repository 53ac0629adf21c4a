#include "reprise/system/host.hpp"

#include <gtest/gtest.h>

#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

TEST(HostTest, CpuListsAreReadAndWritten) {
    EXPECT_EQ(format_cpu_list({0, 1, 2, 8}), "0-2,8");
    EXPECT_EQ(format_cpu_list({}), "");
    EXPECT_EQ(parse_cpu_list("0-2,8"), (std::vector{0, 1, 2, 8}));
    EXPECT_EQ(parse_cpu_list("5,1,1-2"), (std::vector{1, 2, 5}));
}

TEST(HostTest, WhatIsNoCpuListIsRefused) {
    for (auto const* text :
         {"", ",", "1,", "a", "1-", "-1", "3-1", "1 2", "65536", "0-99999999999"}) {
        EXPECT_FALSE(parse_cpu_list(text)) << text;
    }
}

TEST(HostTest, ThereIsACpuAndAName) {
    EXPECT_FALSE(usable_cpus().empty());
    EXPECT_FALSE(host_name().empty());
}

TEST(SystemClockTest, GoesForward) {
    SystemClock const clock;
    auto const first = clock.now();
    EXPECT_GE(clock.now(), first);
    EXPECT_GT(clock.unix_time(), 1.6e9);
}

}  // namespace
}  // namespace reprise
