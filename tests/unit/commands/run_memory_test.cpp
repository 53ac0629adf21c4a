#include "reprise/commands/run_memory.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace reprise {
namespace {

/// Nothing may be made here.
struct ForeignCgroups : CgroupTree {
    int make(std::string const&) override {
        ++tries;
        return EACCES;
    }
    int tries = 0;
};

TEST(RunMemoryTest, WithoutALimitNothingIsMade) {
    ForeignCgroups cgroups;
    RunMemory const memory(0, cgroups);
    EXPECT_EQ(cgroups.tries, 0);
    EXPECT_EQ(memory.cgroup_procs(), "");
    EXPECT_EQ(memory.why_watched(), "");
}

TEST(RunMemoryTest, WhereNoCgroupMayBeMadeTheDescendantsAreWatched) {
    ForeignCgroups cgroups;
    RunMemory const memory(100, cgroups);
    EXPECT_EQ(memory.cgroup_procs(), "");
    EXPECT_NE(memory.why_watched(), "");
    EXPECT_EQ(memory.look().used_mb, 0.0);  // there are none
    EXPECT_FALSE(memory.look().process_killed);
}

TEST(RunMemoryTest, FactsStayAsTheyAreWhenTheKernelKilledNobody) {
    ForeignCgroups cgroups;
    RunMemory const memory(100, cgroups);
    TrainingFacts facts;
    facts.peak_memory_mb = 12.0;
    memory.complete(facts);
    EXPECT_EQ(facts.out_of_memory, OutOfMemory::no);
    EXPECT_EQ(facts.peak_memory_mb, 12.0);
}

}  // namespace
}  // namespace reprise
