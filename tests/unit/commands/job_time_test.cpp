#include "reprise/commands/job_time.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "reprise/core/contract.hpp"
#include "reprise/system/file_system.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

/// A world in which `scontrol` says what a test wants it to.
class JobTimeTest : public ::testing::Test {
  protected:
    void scontrol_says(std::string const& fields) {
        scontrol_runs(
            "test \"$TZ $SLURM_TIME_FORMAT $*\" = "
            "'UTC standard show job --oneliner 12' || exit 1\n"
            "echo 'JobId=12 JobName=x UserId=u(1) " +
            fields + "'");
    }
    void scontrol_runs(std::string const& script) {
        auto const path = folder_.path() + "/scontrol";
        write_file(path, "#!/bin/sh\n" + script + "\n");
        ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
    }
    [[nodiscard]] std::vector<std::string> environment(std::vector<std::string> more = {}) const {
        more.push_back("PATH=" + folder_.path() + ":/usr/bin:/bin");
        more.emplace_back("TZ=Asia/Tokyo");
        return more;
    }
    [[nodiscard]] std::optional<Walltime> find(std::vector<std::string> const& variables) const {
        return find_walltime(runner, environment(variables), 1000.0);
    }

    RunnerOptions runner;

  private:
    test::PrivateFolder folder_;
};

TEST_F(JobTimeTest, WithoutAClusterOnlyTheParameterTellsTheEnd) {
    EXPECT_FALSE(find({}));
    runner.time_limit_s = 300.0;
    EXPECT_EQ(find({}), (Walltime{1000.0, 1300.0, 30.0}));
    runner.stop_margin_s = 7.0;
    EXPECT_EQ(find({}), (Walltime{1000.0, 1300.0, 7.0}));
}

TEST_F(JobTimeTest, TheEarliestEndCounts) {
    scontrol_runs("exit 1");  // need not be asked
    EXPECT_DOUBLE_EQ(find({"SLURM_JOB_ID=12", "SLURM_JOB_END_TIME=5000"}).value().end_s, 5000.0);
    runner.time_limit_s = 300.0;
    EXPECT_DOUBLE_EQ(find({"SLURM_JOB_ID=12", "SLURM_JOB_END_TIME=5000"}).value().end_s, 1300.0);
    runner.time_limit_s = 9000.0;
    EXPECT_DOUBLE_EQ(find({"SLURM_JOB_ID=12", "SLURM_JOB_END_TIME=5000"}).value().end_s, 5000.0);
}

TEST_F(JobTimeTest, SlurmIsAskedWhereItsEnvironmentDoesNotTell) {
    scontrol_says("JobState=RUNNING EndTime=1970-01-01T01:00:00");
    EXPECT_DOUBLE_EQ(find({"SLURM_JOB_ID=12"}).value().end_s, 3600.0);
    scontrol_says("JobState=RUNNING EndTime=Unknown");
    EXPECT_FALSE(find({"SLURM_JOB_ID=12"}));
    scontrol_runs("exit 1");
    EXPECT_FALSE(find({"SLURM_JOB_ID=12"}));
}

TEST_F(JobTimeTest, AsksWhatBecameOfTheJob) {
    using std::chrono::seconds;
    scontrol_says("JobState=COMPLETING Reason=None Restarts=1");
    EXPECT_EQ(ask_for_fate(environment({"SLURM_JOB_ID=12"}), seconds(20)), JobFate::requeued);
    EXPECT_EQ(ask_for_fate(environment({"SLURM_JOB_ID=12", "SLURM_RESTART_COUNT=1"}), seconds(20)),
              JobFate::cancelled);
    EXPECT_EQ(ask_for_fate(environment({}), seconds(20)), JobFate::unknown);
    scontrol_runs("exec sleep 60");
    EXPECT_EQ(ask_for_fate(environment({"SLURM_JOB_ID=12"}), std::chrono::milliseconds(50)),
              JobFate::unknown);
}

TEST_F(JobTimeTest, RankZeroGetsWhatTheLauncherFound) {
    Walltime const walltime{1795644965.25, 1795648565.0, 63.0};
    EXPECT_EQ(passed_on_walltime({"A=1", pass_on(walltime)}), walltime);
    EXPECT_FALSE(passed_on_walltime({"A=1"}));
    EXPECT_THROW((void)passed_on_walltime({"REPRISE_INTERNAL_WALLTIME=1 x 3"}), ContractViolation);
}

}  // namespace
}  // namespace reprise
