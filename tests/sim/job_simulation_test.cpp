#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "sim/job_world.hpp"

namespace reprise::sim {
namespace {

/// REPRISE_SIM_SEED=N replays one seed, REPRISE_SIM_SEEDS=N tries so many.
std::uint64_t from_environment(char const* name, std::uint64_t otherwise) {
    char const* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void expect_good_end(std::uint64_t seed, double& days, std::int64_t& starts) {
    JobWorld world(seed);
    try {
        world.run();
    } catch (std::exception const& e) {
        ADD_FAILURE() << e.what() << "\n  " << world.describe()
                      << "\n  replay: REPRISE_SIM_SEED=" << seed << " job_simulation_test";
    }
    days += world.days();
    starts += world.starts() + 1;
}

TEST(JobSimulation, EveryJobComesToTheEndThatTheBookTells) {
    double days = 0.0;
    std::int64_t starts = 0;
    if (auto const seed = from_environment("REPRISE_SIM_SEED", 0); seed != 0) {
        expect_good_end(seed, days, starts);
        return;
    }
    auto const seeds = from_environment("REPRISE_SIM_SEEDS", 20000);
    for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
        expect_good_end(seed, days, starts);
    }
    std::printf("%llu jobs, %lld starts, %.0f simulated days\n",
                static_cast<unsigned long long>(seeds), static_cast<long long>(starts), days);
}

}  // namespace
}  // namespace reprise::sim
