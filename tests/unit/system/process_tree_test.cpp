#include "reprise/system/process_tree.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "reprise/system/child_process.hpp"
#include "reprise/system/poller.hpp"
#include "support/announcements.hpp"
#include "support/forked.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

class ProcessTreeTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(become_subreaper()); }
    void TearDown() override { EXPECT_EQ(kill_all_descendants(20s), 0); }

    ChildProcess start(std::vector<std::string> words) {
        words.insert(words.begin(),
                     {REPRISE_SCRIPTED_CHILD, "announce", announcements_.path(), "child"});
        ProcessSpec spec;
        spec.argv = std::move(words);
        return spawn(spec);
    }

    bool lists(ProcessId const& process, std::span<pid_t const> spare = {}) {
        auto const all = descendants(spare);
        return std::find(all.begin(), all.end(), process) != all.end();
    }

    test::Announcements announcements_;
};

TEST_F(ProcessTreeTest, SelfIsIdentifiedAndRuns) {
    auto const self = identify(::getpid());
    ASSERT_TRUE(self);
    EXPECT_TRUE(is_running(*self));
    EXPECT_FALSE(is_running({self->pid, self->start_time + 1}));
}

TEST_F(ProcessTreeTest, ZombieDoesNotRun) {
    auto child = start({"exit", "0"});
    auto const id = announcements_.wait_for(1).at(0).process;
    EXPECT_TRUE(announcements_.all_end());
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT);
    EXPECT_TRUE(identify(id.pid));
    EXPECT_FALSE(is_running(id));
    EXPECT_FALSE(lists(id));
}

TEST_F(ProcessTreeTest, AProcessWhoseFirstThreadHasEndedStillRuns) {
    pid_t const pid = test::run_forked([] {
        std::thread([] { ::pause(); }).detach();
        ::syscall(SYS_exit, 0);  // this thread alone
        return 1;
    });
    auto const state = [&] {
        std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
        std::string number, name, letter;
        file >> number >> name >> letter;
        return letter;
    };
    auto const deadline = std::chrono::steady_clock::now() + 10s;
    while (state() != "Z" && std::chrono::steady_clock::now() < deadline) {
        poll_events({}, std::chrono::milliseconds(1));
    }
    ASSERT_EQ(state(), "Z");
    auto const process = identify(pid).value_or(ProcessId{});
    EXPECT_TRUE(is_running(process));
    EXPECT_TRUE(lists(process));
    EXPECT_EQ(kill_all_descendants(10s), 0);
    EXPECT_FALSE(identify(pid).has_value()) << "it was waited for";
}

TEST_F(ProcessTreeTest, DaemonIsFoundAndKilled) {
    auto child = start({"daemon", "announce", announcements_.path(), "daemon", "end-daemon"});
    auto const lines = announcements_.wait_for(2);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(child.wait().succeeded());
    EXPECT_TRUE(lists(lines[1].process));
    EXPECT_EQ(kill_all_descendants(20s), 0);
    EXPECT_TRUE(announcements_.all_end());
    EXPECT_FALSE(is_running(lines[1].process));
    EXPECT_TRUE(children().empty());
}

TEST_F(ProcessTreeTest, IgnoredSignalsDoNotHelp) {
    auto child = start({"ignore", "15", "ignore", "1", "stay"});
    announcements_.wait_for(1);
    EXPECT_EQ(kill_all_descendants(20s), 0);
    EXPECT_TRUE(announcements_.all_end());
}

TEST_F(ProcessTreeTest, StoppedProcessIsKilled) {
    auto child = start({"stay"});
    announcements_.wait_for(1);
    child.send_signal(SIGSTOP);
    EXPECT_EQ(kill_all_descendants(20s), 0);
    EXPECT_TRUE(announcements_.all_end());
}

TEST_F(ProcessTreeTest, ForkingChainIsCaught) {
    auto child = start({"daemon", "chain", "end-daemon"});
    announcements_.wait_for(1);
    child.wait();
    EXPECT_EQ(kill_all_descendants(20s), 0);
    EXPECT_TRUE(announcements_.all_end());
}

TEST_F(ProcessTreeTest, ForkingChainInOurOwnSessionIsCaught) {
    auto child = start({"chain"});
    announcements_.wait_for(1);
    child.wait();
    EXPECT_EQ(kill_all_descendants(20s), 0);
    EXPECT_TRUE(announcements_.all_end());
}

TEST_F(ProcessTreeTest, SparedChildAndItsChildrenLive) {
    auto spared = start({"stay"});
    auto const id = announcements_.wait_for(1).at(0).process;
    auto other = start({"stay"});
    auto const other_id = announcements_.wait_for(1).at(0).process;
    pid_t const spare[] = {spared.pid()};
    EXPECT_FALSE(lists(id, spare));
    EXPECT_EQ(kill_all_descendants(20s, spare), 0);
    EXPECT_TRUE(is_running(id));
    EXPECT_FALSE(is_running(other_id));
    spared.send_signal(SIGKILL);
    EXPECT_EQ(spared.wait().signal, SIGKILL);
}

TEST_F(ProcessTreeTest, NothingToKillIsDoneAtOnce) { EXPECT_EQ(kill_all_descendants(0s), 0); }

}  // namespace
}  // namespace reprise
