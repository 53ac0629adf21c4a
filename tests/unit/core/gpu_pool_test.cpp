#include "reprise/core/gpu_pool.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

using Names = std::vector<std::string>;

struct Case {
    int devices;
    int runs;
    std::optional<double> per_run;
    int expected_devices;  ///< -1: refused
    int expected_sharers;
};

TEST(GpuPoolTest, ASharePerRun) {
    std::vector<Case> const cases{
        {4, 4, {}, 1, 1},   {4, 2, {}, 2, 1},    {4, 3, {}, 1, 1},      {1, 3, {}, 1, 3},
        {2, 3, {}, 1, 2},   {0, 3, {}, 0, 1},    {4, 2, 1.0, 1, 1},     {4, 2, 2.0, 2, 1},
        {3, 2, 2.0, -1, 0}, {0, 1, 1.0, -1, 0},  {0, 5, 0.0, 0, 1},     {2, 4, 0.5, 1, 2},
        {1, 4, 0.5, -1, 0}, {1, 10, 0.1, 1, 10}, {1, 3, 1.0 / 3, 1, 3}, {1, 3, 0.34, -1, 0},
        {4, 2, 0.5, 1, 2},
    };
    for (auto const& c : cases) {
        auto const share = plan_gpu_share(c.devices, c.runs, c.per_run);
        auto const what = std::to_string(c.devices) + " devices, " + std::to_string(c.runs) +
                          " runs, " + std::to_string(c.per_run.value_or(-1.0));
        ASSERT_EQ(share.has_value(), c.expected_devices >= 0) << what;
        if (!share) continue;
        EXPECT_EQ(share->devices, c.expected_devices) << what;
        EXPECT_EQ(share->sharers, c.expected_sharers) << what;
    }
}

TEST(GpuPoolTest, WholeDevicesGoToOneRunEach) {
    GpuPool pool({"0", "1", "GPU-a", "GPU-b"}, {2, 1});
    EXPECT_EQ(pool.take(), (Names{"0", "1"}));
    EXPECT_EQ(pool.take(), (Names{"GPU-a", "GPU-b"}));
}

TEST(GpuPoolTest, SharersAreSpreadOverTheDevices) {
    GpuPool pool({"0", "1"}, {1, 2});
    EXPECT_EQ(pool.take(), Names{"0"});
    EXPECT_EQ(pool.take(), Names{"1"});
    EXPECT_EQ(pool.take(), Names{"0"});
    pool.give_back({"1"});
    EXPECT_EQ(pool.take(), Names{"1"});
}

TEST(GpuPoolTest, ARunWithoutDevices) {
    GpuPool pool({"0"}, {0, 1});
    EXPECT_EQ(pool.take(), Names{});
    pool.give_back({});
}

TEST(GpuPoolTest, GivingBackWhatNobodyHasIsABug) {
    GpuPool pool({"0"}, {1, 1});
    EXPECT_THROW(pool.give_back({"0"}), ContractViolation);
    EXPECT_THROW(pool.give_back({"7"}), ContractViolation);
}

/// However runs come and go, no device has more of them than planned.
RC_GTEST_PROP(GpuPoolProperty, NoDeviceHasMoreSharersThanPlanned, ()) {
    int const devices = *rc::gen::inRange(0, 9);
    int const runs = *rc::gen::inRange(1, 20);
    auto const asked = *rc::gen::element<double>(-1.0, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0);
    auto const share =
        plan_gpu_share(devices, runs, asked < 0.0 ? std::nullopt : std::optional<double>(asked));
    if (!share) {
        RC_ASSERT(asked > 0.0);  // only what was asked for may be refused
        return;
    }
    Names names;
    for (int i = 0; i < devices; ++i) names.push_back("GPU-" + std::to_string(i));
    GpuPool pool(names, *share);
    std::vector<Names> running;
    std::map<std::string, int> holders;
    for (int step = 0; step < 60; ++step) {
        bool const end = *rc::gen::arbitrary<bool>();
        if (!running.empty() && (end || static_cast<int>(running.size()) == runs)) {
            auto const which = *rc::gen::inRange<std::size_t>(0, running.size());
            pool.give_back(running[which]);
            for (auto const& name : running[which]) --holders[name];
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
            continue;
        }
        auto const taken = pool.take();
        RC_ASSERT(static_cast<int>(taken.size()) == share->devices);
        for (auto const& name : taken) RC_ASSERT(++holders[name] <= share->sharers);
        running.push_back(taken);
    }
}

}  // namespace
}  // namespace reprise
