#include "reprise/system/marked_processes.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "reprise/system/child_process.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

ChildProcess process_with(std::vector<std::string> environment) {
    environment.emplace_back("PATH=/usr/bin:/bin");
    ProcessSpec spec;
    spec.argv = {"sleep", "1000"};
    spec.environment = std::move(environment);
    return spawn(spec);
}

/// Nobody else's.
std::string mark() { return "REPRISE_TEST_MARK=" + std::to_string(::getpid()); }

TEST(MarkedProcessesTest, AreKilledWhereverTheyAre) {
    auto first = process_with({mark()});
    auto last = process_with({"A=1", "B=", "", mark()});
    EXPECT_EQ(kill_marked(mark(), 20s), 0);
    EXPECT_EQ(first.wait().signal, SIGKILL);
    EXPECT_EQ(last.wait().signal, SIGKILL);
}

TEST(MarkedProcessesTest, OnlyTheWholeVariableCounts) {
    auto other = process_with({mark() + "0", "X" + mark(), "A=" + mark()});
    EXPECT_EQ(kill_marked(mark(), 20s), 0);
    EXPECT_FALSE(other.try_wait().has_value());
}

TEST(MarkedProcessesTest, ChildrenOfMarkedOnesAreMarked) {
    ASSERT_TRUE(become_subreaper());
    ProcessSpec spec;
    spec.argv = {"sh", "-c", "sleep 1000 & setsid sleep 1000 & exit 0"};
    spec.environment = {"PATH=/usr/bin:/bin", mark()};
    auto shell = spawn(spec);
    EXPECT_EQ(shell.wait().exit_code, 0);
    EXPECT_EQ(descendants().size(), 2U);
    EXPECT_EQ(kill_marked(mark(), 20s), 0);
    EXPECT_TRUE(descendants().empty());
    EXPECT_EQ(kill_all_descendants(20s), 0);
}

}  // namespace
}  // namespace reprise
