#include "reprise/container/cores.hpp"

#include <gtest/gtest.h>
#include <hwloc.h>

#include <numeric>

#include "reprise/core/cpu_pool.hpp"

namespace reprise {
namespace {

using Variables = std::vector<std::string>;

/// A machine that hwloc makes up (hwloc(7), "Synthetic topologies").
class MadeUp {
  public:
    explicit MadeUp(char const* description) {
        EXPECT_EQ(hwloc_topology_init(&topology_), 0);
        EXPECT_EQ(hwloc_topology_set_synthetic(topology_, description), 0) << description;
        EXPECT_EQ(hwloc_topology_load(topology_), 0);
    }
    MadeUp(MadeUp const&) = delete;
    MadeUp& operator=(MadeUp const&) = delete;
    MadeUp(MadeUp&&) = delete;
    MadeUp& operator=(MadeUp&&) = delete;
    ~MadeUp() { hwloc_topology_destroy(topology_); }

    [[nodiscard]] std::vector<Cpu> arrange(std::vector<int> const& numbers) const {
        return arrange_cpus(topology_, numbers);
    }

  private:
    hwloc_topology_t topology_ = nullptr;
};

std::vector<int> first(int count) {
    std::vector<int> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

TEST(CoresTest, ThreadsOfACoreAndCoresOfANodeAreKnown) {
    MadeUp const machine("numa:2 core:2 pu:2");
    EXPECT_EQ(machine.arrange(first(8)), (std::vector<Cpu>{{0, 0, 0},
                                                           {1, 0, 0},
                                                           {2, 2, 0},
                                                           {3, 2, 0},
                                                           {4, 4, 1},
                                                           {5, 4, 1},
                                                           {6, 6, 1},
                                                           {7, 6, 1}}));
}

TEST(CoresTest, CpusComeInTheOrderOfTheMachineNotOfTheirNumbers) {
    MadeUp const machine("numa:1 core:4 pu:2(indexes=0,4,1,5,2,6,3,7)");
    EXPECT_EQ(machine.arrange({1, 2, 4, 5}),
              (std::vector<Cpu>{{4, 0, 0}, {1, 1, 0}, {5, 1, 0}, {2, 2, 0}}));
}

TEST(CoresTest, ACoreHasTheSameNameHoweverLittleOfItMayBeUsed) {
    MadeUp const machine("core:2 pu:2");
    EXPECT_EQ(machine.arrange({1}).front().core, machine.arrange({0}).front().core);
}

TEST(CoresTest, CpusThatTheTopologyDoesNotKnowAreCoresOfTheirOwn) {
    std::vector<Cpu> const expected{{1, 0, 0}, {8, 8, 0}, {9, 9, 0}};
    EXPECT_EQ(MadeUp("core:1 pu:2").arrange({1, 8, 9}), expected);
    EXPECT_EQ(arrange_cpus(nullptr, {3}), (std::vector<Cpu>{{3, 3, 0}}));
}

TEST(CoresTest, TwoSocketsAreDividedBetweenTwoRuns) {
    MadeUp const machine("package:2 [numa] core:4 pu:2(indexes=node:core:pu)");
    CpuPool pool(machine.arrange(first(16)));
    EXPECT_EQ(pool.nodes(), 2);
    EXPECT_EQ(pool.cores(), 8);
    auto const shares = pool.take(2);
    EXPECT_EQ(shares[0].cores.size(), 4U);
    EXPECT_EQ(shares[0].cpus.size(), 8U);
}

TEST(CoresTest, OwnCpusAreAllArranged) {
    auto const cpus = arrange_cpus_of_host({0});
    ASSERT_EQ(cpus.size(), 1U);
    EXPECT_EQ(cpus.front().number, 0);
}

TEST(CoresTest, TheSmallestLimitCounts) {
    Variables const none{"A=1"};
    EXPECT_EQ(cpu_limit_of(none, 8, std::nullopt), 0.0);
    EXPECT_EQ(cpu_limit_of(none, 8, 2.5), 2.5);
    EXPECT_EQ(cpu_limit_of(none, 8, 8.0), 0.0);
    EXPECT_EQ(cpu_limit_of({"SLURM_CPUS_ON_NODE=4"}, 8, 6.0), 4.0);
    EXPECT_EQ(cpu_limit_of({"SLURM_CPUS_ON_NODE=16"}, 8, {}), 0.0);
    EXPECT_EQ(cpu_limit_of({"SLURM_CPUS_ON_NODE=all"}, 8, {}), 0.0);
    EXPECT_EQ(cpu_limit_of({"BATCH_SYSTEM=HTCondor", "GOMAXPROCS=3", "OMP_NUM_THREADS=3"}, 8, {}),
              3.0);
}

TEST(CoresTest, StepWithFewerCpusThanItsTaskIsTold) {
    Variables const step = {"SLURM_STEP_ID=0", "SLURM_CPUS_PER_TASK=4"};
    auto const notice = notice_of_narrow_step(step, 1, 64);
    ASSERT_TRUE(notice);
    EXPECT_NE(notice->find("may use 1 of the 4 CPUs"), std::string::npos);
    EXPECT_NE(notice->find("SRUN_CPUS_PER_TASK"), std::string::npos);
    EXPECT_FALSE(notice_of_narrow_step(step, 4, 64));
    EXPECT_FALSE(notice_of_narrow_step(step, 8, 64));
    EXPECT_FALSE(notice_of_narrow_step(step, 2, 2)) << "all that the host has";
    EXPECT_FALSE(notice_of_narrow_step({"SLURM_STEP_ID=0"}, 1, 64)) << "nothing was asked for";
    EXPECT_FALSE(notice_of_narrow_step({"SLURM_CPUS_PER_TASK=4"}, 1, 64)) << "no step";
    EXPECT_FALSE(notice_of_narrow_step({"SLURM_STEP_ID=0", "SLURM_CPUS_PER_TASK=x"}, 1, 64));
}

}  // namespace
}  // namespace reprise
