#include "reprise/core/host_shares.hpp"

#include <gtest/gtest.h>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {
namespace {

using CpuNumbers = std::vector<int>;
using Names = std::vector<std::string>;

HostFacts host_with(int cores, std::string name = "node1") {
    HostFacts facts;
    facts.host = std::move(name);
    for (int core = 0; core < cores; ++core) facts.cpus.push_back({core, core, 0});
    return facts;
}

HostFacts with_gpus(HostFacts facts, Names gpus, bool assigned = true) {
    facts.gpus = std::move(gpus);
    facts.gpu_source = assigned ? "CUDA_VISIBLE_DEVICES" : "/dev";
    facts.gpus_are_assigned = assigned;
    return facts;
}

ShareOptions for_runs(int learning_runs) {
    ShareOptions options;
    options.learning_runs = learning_runs;
    return options;
}

std::vector<HostFacts> ranks(int count, HostFacts const& facts) {
    return {static_cast<std::size_t>(count), facts};
}

std::vector<RunShare> take(HostShares& shares, std::vector<int> const& ranks) {
    return shares.take(ranks);
}

RunShare take_one(HostShares& shares, int rank) { return take(shares, {rank}).front(); }

TEST(HostSharesTest, ThoseWhoStartTogetherGetEqualSetsOfTheirOwn) {
    HostShares shares(ranks(2, host_with(8)), for_runs(2));
    auto const both = take(shares, {0, 1});
    EXPECT_EQ(both[0].cpus, (CpuNumbers{0, 1, 2, 3}));
    EXPECT_EQ(both[1].cpus, (CpuNumbers{4, 5, 6, 7}));
    EXPECT_EQ(both[0].threads, 4);
    EXPECT_FALSE(both[0].gpus_are_dealt);
}

TEST(HostSharesTest, HardwareThreadsAreNotCountedAsThreads) {
    auto facts = host_with(4);
    for (int core = 0; core < 4; ++core) facts.cpus.push_back({4 + core, core, 0});
    HostShares shares(ranks(2, facts), for_runs(2));
    auto const share = take(shares, {0, 1}).front();
    EXPECT_EQ(share.cpus, (CpuNumbers{0, 1, 4, 5}));
    EXPECT_EQ(share.threads, 2);
}

TEST(HostSharesTest, EachHostIsDividedByItself) {
    std::vector<HostFacts> const facts{host_with(4, "a"), host_with(2, "b"), host_with(4, "a")};
    HostShares shares(facts, for_runs(3));
    auto const all = take(shares, {0, 1, 2});
    EXPECT_EQ(all[0].cpus, (CpuNumbers{0, 1}));
    EXPECT_EQ(all[1].cpus, (CpuNumbers{0, 1}));
    EXPECT_EQ(all[2].cpus, (CpuNumbers{2, 3}));
}

TEST(HostSharesTest, RanksThatMayUseAPartEachAreTakenTogether) {
    auto one = host_with(4);
    auto other = host_with(4);
    one.cpus.resize(2);
    other.cpus.erase(other.cpus.begin(), other.cpus.begin() + 1);
    HostShares shares({one, other}, for_runs(2));
    auto const both = take(shares, {0, 1});
    EXPECT_EQ(both[0].cpus, (CpuNumbers{0, 1}));
    EXPECT_EQ(both[1].cpus, (CpuNumbers{2, 3}));
}

TEST(HostSharesTest, CoresOfARunThatEndedGoToWhatStartsNext) {
    HostShares shares(ranks(3, host_with(6)), for_runs(3));
    (void)take(shares, {0, 1, 2});
    shares.give_back(2);
    shares.give_back(0);
    EXPECT_EQ(take_one(shares, 0).cpus, (CpuNumbers{0, 1, 4, 5}));
    shares.give_back(0);
    shares.give_back(0);  // late or twice: nothing happens
    EXPECT_EQ(take_one(shares, 2).threads, 4);
}

TEST(HostSharesTest, TwoAttemptsOnOneRankAreABug) {
    HostShares shares(ranks(1, host_with(2)), for_runs(1));
    (void)take(shares, {0});
    EXPECT_THROW((void)take(shares, {0}), ContractViolation);
}

TEST(HostSharesTest, MoreRunsThanCoresHaveOneThreadEach) {
    HostShares shares(ranks(3, host_with(2)), for_runs(3));
    for (auto const& share : take(shares, {0, 1, 2})) {
        EXPECT_EQ(share.cpus, (CpuNumbers{0, 1}));
        EXPECT_EQ(share.threads, 1);
    }
    shares.give_back(1);
    EXPECT_EQ(take_one(shares, 1).threads, 1);
}

TEST(HostSharesTest, AQuotaOfCpuTimeLimitsTheThreads) {
    auto facts = host_with(64);
    facts.cpu_limit = 4.0;
    HostShares shares(ranks(2, facts), for_runs(2));
    auto const both = take(shares, {0, 1});
    EXPECT_EQ(both[0].cpus.size(), 32U);
    EXPECT_EQ(both[0].threads, 2);
    HostShares three(ranks(3, facts), for_runs(3));
    EXPECT_EQ(take(three, {0, 1, 2})[0].threads, 1);
}

TEST(HostSharesTest, WithoutSplitAllHaveAllCoresAndShareTheThreads) {
    auto options = for_runs(2);
    options.split_cores = false;
    HostShares shares(ranks(3, host_with(8)), options);
    auto const share = take_one(shares, 2);
    EXPECT_EQ(share.cpus.size(), 8U);
    EXPECT_EQ(share.threads, 4);
}

TEST(HostSharesTest, AssignedGpusAreDealt) {
    HostShares shares(ranks(2, with_gpus(host_with(2), {"2", "GPU-b"})), for_runs(2));
    auto const both = take(shares, {0, 1});
    EXPECT_TRUE(both[0].gpus_are_dealt);
    EXPECT_EQ(both[0].gpus, Names{"2"});
    EXPECT_EQ(both[1].gpus, Names{"GPU-b"});
    shares.give_back(1);
    EXPECT_EQ(take_one(shares, 1).gpus, Names{"GPU-b"});
}

TEST(HostSharesTest, RanksThatHaveNothingToDoNeedNoGpu) {
    HostShares shares(ranks(8, with_gpus(host_with(2), {"0", "1", "2", "3"})), for_runs(2));
    EXPECT_EQ(take(shares, {0, 1})[1].gpus, (Names{"2", "3"}));
}

TEST(HostSharesTest, GpusThatNobodyAssignedAreDealtOnlyWhenAskedFor) {
    auto const facts = ranks(2, with_gpus(host_with(2), {"0", "1"}, false));
    HostShares untouched(facts, for_runs(2));
    EXPECT_FALSE(take_one(untouched, 0).gpus_are_dealt);
    auto options = for_runs(2);
    options.gpus_per_run = 0.5;
    HostShares dealt(facts, options);
    EXPECT_EQ(take_one(dealt, 0).gpus, Names{"0"});
}

TEST(HostSharesTest, NoneAreVisibleToRunsThatAreToHaveNone) {
    auto options = for_runs(1);
    options.gpus_per_run = 0.0;
    HostShares shares(ranks(1, host_with(1)), options);
    auto const share = take_one(shares, 0);
    EXPECT_TRUE(share.gpus_are_dealt);
    EXPECT_EQ(share.gpus, Names{});
}

TEST(HostSharesTest, DealingCanBeTurnedOff) {
    auto options = for_runs(1);
    options.deal_gpus = false;
    HostShares shares(ranks(1, with_gpus(host_with(1), {"0"})), options);
    EXPECT_FALSE(take_one(shares, 0).gpus_are_dealt);
}

TEST(HostSharesTest, TooFewGpusAreSaidWithTheRemedy) {
    auto options = for_runs(3);
    options.gpus_per_run = 2.0;
    try {
        HostShares const shares(ranks(3, with_gpus(host_with(2), {"0", "1", "2"})), options);
        FAIL() << "accepted";
    } catch (InputError const& e) {
        EXPECT_STREQ(e.what(),
                     "runner.gpus_per_run is 2 but 'node1' has 3 GPUs (CUDA_VISIBLE_DEVICES) for 3 "
                     "runs at the same time. Ask for less, for more GPUs for the job, or set a "
                     "smaller runner.ranks.");
    }
    EXPECT_THROW(HostShares(ranks(1, host_with(2)), options), InputError);
}

TEST(HostSharesTest, SaysHowItDivides) {
    auto const line = [](HostFacts const& facts, int runs) {
        return HostShares(ranks(runs, facts), for_runs(runs)).describe().front();
    };
    EXPECT_EQ(line(host_with(8), 3), "node1: 8 cores, for 3 runs at the same time: 2 or 3 each");
    EXPECT_EQ(line(host_with(2), 1), "node1: 2 cores, for one run: all");
    EXPECT_EQ(line(host_with(1), 2), "node1: 1 core, for 2 runs at the same time: shared");
    auto facts = with_gpus(host_with(4), {"0", "1"});
    for (auto& cpu : facts.cpus) cpu.core /= 2;
    facts.cpus[3].node = facts.cpus[2].node = 1;
    facts.cpu_limit = 1.5;
    EXPECT_EQ(line(facts, 2),
              "node1: 2 cores with 4 CPUs in 2 memory nodes, CPU time for 1.5, for 2 runs at the "
              "same time: 1 each; GPUs 0,1 (CUDA_VISIBLE_DEVICES): 1 each");
    EXPECT_EQ(line(with_gpus(host_with(4), {"7"}), 4),
              "node1: 4 cores, for 4 runs at the same time: 1 each; GPU 7 (CUDA_VISIBLE_DEVICES): "
              "1 each, shared by up to 4");
}

}  // namespace
}  // namespace reprise
