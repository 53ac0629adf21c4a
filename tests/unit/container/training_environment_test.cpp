#include "reprise/container/training_environment.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprise {
namespace {

using Variables = std::vector<std::string>;

TEST(TrainingEnvironmentTest, LauncherVariablesAreDropped) {
    for (auto const* name :
         {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PRTE_LAUNCHED", "HYDRA_BOOTSTRAP",
          "ORTE_SCHIZO_DETECTION", "MPI_LOCALRANKID", "SLURM_STEP_ID", "SLURM_STEPID",
          "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_TASK_PID", "SLURM_GTIDS",
          "SLURM_CPU_BIND_LIST", "SLURM_SRUN_COMM_PORT", "SLURM_PMIXP_ABORT_AGENT_PORT",
          "REPRISE_LAUNCHER_CHANNEL", "REPRISE_INTERNAL_TOKEN"}) {
        EXPECT_TRUE(is_launcher_variable(name)) << name;
    }
}

TEST(TrainingEnvironmentTest, JobVariablesAndTheUsersOwnStay) {
    for (auto const* name :
         {"SLURM_JOB_ID", "SLURM_JOBID", "SLURM_NTASKS", "SLURM_TASKS_PER_NODE",
          "SLURM_CPUS_PER_TASK", "SLURM_JOB_GPUS", "SLURMD_NODENAME", "PATH", "OMP_NUM_THREADS",
          "REPRISE_CONFIG", "REPRISE_RUN", "XOMPI_", "PMI", "CUDA_VISIBLE_DEVICES"}) {
        EXPECT_FALSE(is_launcher_variable(name)) << name;
    }
}

TEST(TrainingEnvironmentTest, AdditionsReplaceWhatIsThere) {
    Variables const inherited{"A=1", "OMPI_X=1", "B=2", "AB=3"};
    EXPECT_EQ(training_environment(inherited, {"A=9", "C="}),
              (Variables{"B=2", "AB=3", "A=9", "C="}));
}

TEST(TrainingEnvironmentTest, AddedLauncherVariableIsTheUsersWish) {
    EXPECT_EQ(training_environment({}, {"OMPI_MCA_btl=self"}), Variables{"OMPI_MCA_btl=self"});
}

TEST(TrainingEnvironmentTest, OwnEnvironmentIsListed) {
    auto const own = own_environment();
    EXPECT_TRUE(std::any_of(own.begin(), own.end(),
                            [](auto const& variable) { return variable.starts_with("PATH="); }));
}

}  // namespace
}  // namespace reprise
