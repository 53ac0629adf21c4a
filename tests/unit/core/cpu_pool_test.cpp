#include "reprise/core/cpu_pool.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <string>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

using CpuNumbers = std::vector<int>;

/// A machine as most have it: threads of a core are half of all numbers apart.
std::vector<Cpu> machine(int nodes, int cores_of_node, int threads_of_core) {
    std::vector<Cpu> cpus;
    int const cores = nodes * cores_of_node;
    for (int core = 0; core < cores; ++core) {
        for (int thread = 0; thread < threads_of_core; ++thread) {
            cpus.push_back({core + thread * cores, core, core / cores_of_node});
        }
    }
    return cpus;
}

std::vector<Cpu> only(std::vector<Cpu> cpus, std::set<int> const& numbers) {
    std::erase_if(cpus, [&](Cpu const& cpu) { return !numbers.contains(cpu.number); });
    return cpus;
}

std::vector<CpuNumbers> cpus_of(std::vector<CpuShare> const& shares) {
    std::vector<CpuNumbers> result;
    result.reserve(shares.size());
    for (auto const& share : shares) result.push_back(share.cpus);
    return result;
}

struct Case {
    std::string name;
    std::vector<Cpu> cpus;
    int count;
    std::vector<CpuNumbers> expected;
};

TEST(CpuPoolTest, DealsEqualSetsOfWholeCoresWithinMemoryNodes) {
    std::vector<Case> const cases{
        {"one run gets all", machine(1, 2, 1), 1, {{0, 1}}},
        {"two", machine(1, 2, 1), 2, {{0}, {1}}},
        {"the rest goes to the first", machine(1, 8, 1), 3, {{0, 1, 2}, {3, 4, 5}, {6, 7}}},
        {"threads together", machine(1, 4, 2), 2, {{0, 1, 4, 5}, {2, 3, 6, 7}}},
        {"a node each", machine(2, 2, 2), 2, {{0, 1, 4, 5}, {2, 3, 6, 7}}},
        {"two in a node", machine(2, 4, 1), 4, {{0, 1}, {2, 3}, {4, 5}, {6, 7}}},
        {"the smaller one fits best",
         only(machine(2, 4, 1), {0, 1, 2, 3, 4, 5}),
         3,
         {{4, 5}, {0, 1}, {2, 3}}},
        {"what fits in no node takes the fuller one first",
         only(machine(2, 4, 1), {0, 1, 2, 4, 5, 6, 7}),
         1,
         {{0, 1, 2, 4, 5, 6, 7}}},
        {"half a core is a core", only(machine(1, 4, 2), {0, 1, 4}), 2, {{0, 4}, {1}}},
        {"holes in the mask", only(machine(1, 8, 1), {1, 3, 6, 7}), 2, {{1, 3}, {6, 7}}},
    };
    for (auto const& c : cases) {
        CpuPool pool(c.cpus);
        EXPECT_EQ(cpus_of(pool.take(c.count)), c.expected) << c.name;
    }
}

TEST(CpuPoolTest, MoreRunsThanCoresShareThem) {
    CpuPool pool(machine(1, 2, 1));
    auto const shares = pool.take(3);
    EXPECT_EQ(cpus_of(shares), (std::vector<CpuNumbers>{{0, 1}, {0, 1}, {0, 1}}));
    for (auto const& share : shares) EXPECT_EQ(share.sharers, 3);
}

TEST(CpuPoolTest, ThoseWhoShareStayWithinANodeWhereTheNodesDivideThemEvenly) {
    CpuPool pool(machine(2, 2, 1));
    EXPECT_EQ(cpus_of(pool.take(6)),
              (std::vector<CpuNumbers>{{0, 1}, {0, 1}, {0, 1}, {2, 3}, {2, 3}, {2, 3}}));
    CpuPool uneven(machine(2, 2, 1));
    for (auto const& share : uneven.take(5)) EXPECT_EQ(share.cpus, (CpuNumbers{0, 1, 2, 3}));
}

TEST(CpuPoolTest, ARetryAmongThoseWhoShareSharesToo) {
    CpuPool pool(machine(1, 2, 1));
    auto const shares = pool.take(4);
    pool.give_back(shares[2]);
    auto const again = pool.take(1).front();
    EXPECT_EQ(again.cpus, (CpuNumbers{0, 1}));
    EXPECT_EQ(again.sharers, 4);
}

TEST(CpuPoolTest, ARetryGetsWhatTheOthersLeft) {
    CpuPool pool(machine(1, 6, 1));
    auto const shares = pool.take(3);
    pool.give_back(shares[0]);  // done
    pool.give_back(shares[1]);  // failed
    EXPECT_EQ(pool.take(1).front().cpus, (CpuNumbers{0, 1, 2, 3}));
    EXPECT_EQ(pool.free_cores(), 0);
}

TEST(CpuPoolTest, TooFewFreeCoresAreSharedByThoseWhoStartOnly) {
    CpuPool pool(machine(1, 4, 1));
    auto const first = pool.take(4);
    pool.give_back(first[3]);
    auto const late = pool.take(2);
    EXPECT_EQ(cpus_of(late), (std::vector<CpuNumbers>{{3}, {3}}));
    EXPECT_EQ(late.front().sharers, 2);
}

TEST(CpuPoolTest, GivingBackTwiceIsABug) {
    CpuPool pool(machine(1, 2, 1));
    auto const share = pool.take(1).front();
    pool.give_back(share);
    EXPECT_THROW(pool.give_back(share), ContractViolation);
}

// ---- what must hold for any machine -------------------------------------------------------------

/// Any mask of any machine.
std::vector<Cpu> any_machine() {
    auto all = machine(*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 9), *rc::gen::inRange(1, 3));
    if (*rc::gen::arbitrary<bool>()) return all;
    std::set<int> mask{all.front().number};
    for (auto const& cpu : all) {
        if (*rc::gen::arbitrary<bool>()) mask.insert(cpu.number);
    }
    return only(all, mask);
}

/// The books that the tests keep: what is free, by core.
class Book {
  public:
    explicit Book(std::vector<Cpu> const& cpus) {
        for (auto const& cpu : cpus) {
            core_of_[cpu.number] = cpu.core;
            node_of_[cpu.core] = cpu.node;
            cpus_of_[cpu.core].insert(cpu.number);
            free_.insert(cpu.core);
        }
    }
    [[nodiscard]] std::size_t free() const { return free_.size(); }
    void give_back(CpuShare const& share) { free_.merge(cores_of(share)); }
    /// Cores of a set that is made of whole ones.
    [[nodiscard]] std::set<int> cores_of(CpuShare const& share) const {
        std::set<int> cores;
        for (int const cpu : share.cpus) cores.insert(core_of_.at(cpu));
        std::size_t threads = 0;
        for (int const core : cores) threads += cpus_of_.at(core).size();
        RC_ASSERT(threads == share.cpus.size());
        RC_ASSERT(std::is_sorted(share.cpus.begin(), share.cpus.end()));
        return cores;
    }
    /// Takes a set of its own, and looks whether a node had room for it.
    std::size_t take(CpuShare const& share) {
        auto const cores = cores_of(share);
        std::map<int, std::size_t> room;
        for (int const core : free_) room[node_of_.at(core)] += 1;
        bool const fits = std::any_of(room.begin(), room.end(), [&](auto const& node) {
            return node.second >= cores.size();
        });
        std::set<int> nodes;
        for (int const core : cores) {
            nodes.insert(node_of_.at(core));
            RC_ASSERT(free_.erase(core) == 1);
        }
        RC_ASSERT(!fits || nodes.size() == 1);
        return cores.size();
    }

  private:
    std::map<int, int> core_of_;
    std::map<int, int> node_of_;
    std::map<int, std::set<int>> cpus_of_;
    std::set<int> free_;
};

RC_GTEST_PROP(CpuPoolProperty, SetsAreWholeEqualDisjointAndUseEverything, ()) {
    auto const cpus = any_machine();
    CpuPool pool(cpus);
    Book book(cpus);
    std::list<CpuShare> running;
    int const rounds = *rc::gen::inRange(1, 12);
    for (int round = 0; round < rounds; ++round) {
        while (!running.empty() && *rc::gen::arbitrary<bool>()) {
            pool.give_back(running.front());
            book.give_back(running.front());
            running.pop_front();
        }
        if (book.free() == 0) continue;
        int const count = *rc::gen::inRange(1, static_cast<int>(book.free()) + 1);
        std::size_t least = cpus.size();
        std::size_t most = 0;
        for (auto const& share : pool.take(count)) {
            auto const size = book.take(share);
            least = std::min(least, size);
            most = std::max(most, size);
            running.push_back(share);
        }
        RC_ASSERT(least >= 1U && most <= least + 1);
        RC_ASSERT(book.free() == 0U);
        RC_ASSERT(pool.free_cores() == 0);
    }
}

RC_GTEST_PROP(CpuPoolProperty, MoreRunsThanCoresLoadEveryCoreEqually, ()) {
    auto const cpus = any_machine();
    CpuPool pool(cpus);
    Book const book(cpus);
    int const count = pool.cores() + *rc::gen::inRange(1, 20);
    std::map<int, double> load;
    for (auto const& share : pool.take(count)) {
        auto const cores = book.cores_of(share);
        for (int const core : cores) load[core] += 1.0 / static_cast<double>(cores.size());
    }
    RC_ASSERT(load.size() == static_cast<std::size_t>(pool.cores()));
    double const even = static_cast<double>(count) / pool.cores();
    for (auto const& [core, runs] : load) RC_ASSERT(std::abs(runs - even) < 1e-9);
}

RC_GTEST_PROP(CpuPoolProperty, EverythingGivenBackIsFreeAgain, ()) {
    auto const cpus = any_machine();
    CpuPool pool(cpus);
    std::vector<CpuShare> running;
    for (int const count : *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 10))) {
        for (auto const& share : pool.take(count)) running.push_back(share);
    }
    for (auto const& share : running) pool.give_back(share);
    RC_ASSERT(pool.free_cores() == pool.cores());
}

}  // namespace
}  // namespace reprise
