#include "reprise/container/run_report.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace reprise {
namespace {

RunReport read(std::initializer_list<char const*> lines) {
    RunReport report;
    for (auto const* line : lines) {
        auto const problem = take_report_line(report, line);
        EXPECT_FALSE(problem) << line << ": " << problem->what;
    }
    return report;
}

TEST(RunReportTest, GoodTrainingIsCollected) {
    auto const report =
        read({"reprise-run 1", "started backend 71", "started learner 72",
              "exited learner 0 9120344 215040", "started stop 90", "exited stop 0 12003 9216",
              "exited backend 3 803220 40960", "end learner_ended 9935567 215040 0"});
    EXPECT_EQ(report.learner.pid, 72);
    ASSERT_TRUE(report.learner.status);
    EXPECT_TRUE(report.learner.status->succeeded());
    EXPECT_DOUBLE_EQ(report.learner.status->cpu_s, 9.120344);
    EXPECT_DOUBLE_EQ(report.learner.status->peak_memory_mb, 210.0);
    EXPECT_EQ(report.backend.status->exit_code, 3);
    EXPECT_EQ(report.end, RunEnd::learner_ended);
    EXPECT_DOUBLE_EQ(report.cpu_s, 9.935567);
    EXPECT_EQ(report.left_running, 0);
}

TEST(RunReportTest, SignalAndCoreAreCollected) {
    auto const report = read({"reprise-run 1", "started learner 7", "killed learner 11 1 5 6"});
    EXPECT_EQ(report.learner.status->signal, 11);
    EXPECT_EQ(report.learner.status->exit_code, -1);
    EXPECT_TRUE(report.learner.status->core_dumped);
    EXPECT_FALSE(report.end);
}

TEST(RunReportTest, ProgramNamesMayContainSpaces) {
    auto const report =
        read({"reprise-run 1", "failed backend 2 a program", "end not_started 0 0 0"});
    EXPECT_EQ(report.backend.program, "a program");
    EXPECT_EQ(report.backend.start_errno, 2);
}

TEST(RunReportTest, AnotherVersionIsRefused) {
    RunReport report;
    EXPECT_TRUE(take_report_line(report, "reprise-run 2"));
    EXPECT_TRUE(take_report_line(report, "started learner 7"));
    EXPECT_EQ(report.learner.pid, -1);
}

TEST(RunReportTest, GarbageIsRefusedAndChangesNothing) {
    for (auto const* line : {"",
                             " ",
                             "hello",
                             "started",
                             "started learner",
                             "started learner x",
                             "started learner -1",
                             "started nobody 1",
                             "started learner 1 2",
                             "started learner 99999999999999999999",
                             "exited learner 256 1 1",
                             "exited learner 0 1",
                             "killed learner 9 2 1 1",
                             "killed learner 65 0 1 1",
                             "end",
                             "end somehow 0 0 0",
                             "end stopped 0 0",
                             "end stopped 0 0 0 0",
                             "end stopped 0 0 0 ",
                             "started  learner 1",
                             "STARTED learner 1"}) {
        auto report = read({"reprise-run 1"});
        EXPECT_TRUE(take_report_line(report, line)) << line;
        EXPECT_EQ(report.learner.pid, -1) << line;
        EXPECT_FALSE(report.learner.status) << line;
        EXPECT_FALSE(report.end) << line;
    }
}

TEST(RunReportTest, NothingComesAfterTheEnd) {
    auto report = read({"reprise-run 1", "end stopped 0 0 0"});
    EXPECT_TRUE(take_report_line(report, "started learner 7"));
}

}  // namespace
}  // namespace reprise
