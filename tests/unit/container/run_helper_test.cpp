// The helper by itself, where the rank's side would get in the way.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "reprise/system/child_process.hpp"
#include "reprise/system/fd.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"
#include "support/announcements.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

class RunHelperTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(become_subreaper()); }
    void TearDown() override {
        EXPECT_EQ(kill_all_descendants(20s), 0);
        EXPECT_TRUE(announcements_.all_end());
    }

    ChildProcess start(std::vector<std::string> const& arguments) {
        ProcessSpec spec;
        spec.argv = {REPRISE_RUN_HELPER};
        spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
        spec.environment = {"PATH=/usr/bin:/bin"};
        spec.extra_fds = {{report_.write_end.get(), 3}};
        spec.group = ProcessGroup::own_session;
        spec.stderr_fd = null_.get();
        return spawn(spec);
    }
    int exit_code_of(std::vector<std::string> const& arguments) {
        return start(arguments).wait().exit_code;
    }
    /// The report of a helper that has ended.
    std::string report() {
        report_.write_end.close();
        std::string text;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::read(report_.read_end.get(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }

    test::Announcements announcements_;
    Pipe report_ = make_pipe();
    Fd null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
};

TEST_F(RunHelperTest, WrongCommandLinesAreRefused) {
    EXPECT_EQ(exit_code_of({}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "3"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "x", "--learner", "1", "true"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "2", "true"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "0"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "1", "true", "--what", "1"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "1", "true", "--stop-grace-ms"}), 2);
    EXPECT_EQ(exit_code_of({"--learner", "1", "true"}), 2);
    EXPECT_EQ(exit_code_of({"--report-fd", "77", "--learner", "1", "true"}), 1);
    EXPECT_EQ(report(), "");
}

TEST_F(RunHelperTest, ArgumentsThatLookLikeFlagsReachTheCommand) {
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "5", "sh", "-c",
                            "[ \"$0 $1\" = '--stop 1' ]", "--stop", "1"}),
              0);
    EXPECT_NE(report().find("\nexited learner 0 "), std::string::npos);
}

TEST_F(RunHelperTest, ReportKeepsToItsLinesWhateverAProgramIsCalled) {
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "1", "no\nend stopped 0 0 0"}), 0);
    EXPECT_EQ(report().substr(0, 52), "reprise-run 1\nfailed learner 2 no?end stopped 0 0 0\n");
}

TEST_F(RunHelperTest, ClosedReportKillsEverything) {
    auto helper = start({"--report-fd", "3", "--learner", "5", REPRISE_SCRIPTED_CHILD, "announce",
                         announcements_.path(), "learner", "stay"});
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    report_.read_end.close();
    EXPECT_TRUE(announcements_.all_end());
    EXPECT_EQ(helper.wait().exit_code, 0);
}

TEST_F(RunHelperTest, LearnerDoesNotInheritTheReport) {
    std::string const script =
        "for i in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$i ] && exit 1; done; exit 0";
    EXPECT_EQ(exit_code_of({"--report-fd", "3", "--learner", "3", "sh", "-c", script}), 0);
    EXPECT_NE(report().find("\nexited learner 0 "), std::string::npos);
}

TEST_F(RunHelperTest, SecondSigtermKillsAtOnce) {
    auto const fifo = announcements_.path();
    auto const script = "trap 'echo asked > " + fifo + "' TERM; sleep 1000 & echo ready > " + fifo +
                        "; while :; do wait; done";
    auto helper = start(
        {"--report-fd", "3", "--stop-grace-ms", "60000", "--learner", "3", "sh", "-c", script});
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    helper.send_signal(SIGTERM);
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    helper.send_signal(SIGTERM);
    EXPECT_EQ(helper.wait().exit_code, 0);
    EXPECT_NE(report().find("\nkilled learner 9 "), std::string::npos);
}

TEST_F(RunHelperTest, TwoSigtermsAtOnceKillAtOnce) {
    auto helper = start({"--report-fd", "3", "--stop-grace-ms", "60000", "--learner", "7",
                         REPRISE_SCRIPTED_CHILD, "ignore", "15", "announce", announcements_.path(),
                         "learner", "stay"});
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    helper.send_signal(SIGSTOP);
    helper.send_signal(SIGTERM);
    helper.send_signal(SIGINT);
    helper.send_signal(SIGCONT);
    EXPECT_EQ(helper.wait().exit_code, 0);
    EXPECT_NE(report().find("\nkilled learner 9 "), std::string::npos);
}

TEST_F(RunHelperTest, IsSmall) {
    EXPECT_LT(std::filesystem::file_size(REPRISE_RUN_HELPER), 1500000U);
}

}  // namespace
}  // namespace reprise
