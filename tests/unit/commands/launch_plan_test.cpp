#include "reprise/commands/launch_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprise {
namespace {

using Words = std::vector<std::string>;

class LaunchPlanTest : public testing::Test {
  protected:
    LaunchPlanTest() {
        request.program = "/opt/bin/reprise";
        request.channel = "reprise.1.2";
        request.scratch = "/dev/shm/reprise.1.2";
        request.log_level = "info";
        request.job_arguments = {"settings.json"};
        request.environment = {"PATH=/bin", "HOME=/root"};
    }

    void several_ranks() {
        request.ranks = 3;
        request.use_mpirun = true;
    }
    /// What the variable is set to in the plan; the first entry counts, as for getenv(3).
    [[nodiscard]] std::string value_of(std::string const& name) const {
        for (auto const& variable : plan_launch(request).environment) {
            if (variable.rfind(name + "=", 0) == 0) return variable.substr(name.size() + 1);
        }
        return "(not set)";
    }

    LaunchRequest request;
};

TEST_F(LaunchPlanTest, OneRankNeedsNoMpirun) {
    auto const plan = plan_launch(request);
    EXPECT_EQ(plan.argv, (Words{"/opt/bin/reprise", "rank", "--channel=reprise.1.2",
                                "--log-level=info", "--solo", "settings.json"}));
    request.environment.emplace_back("REPRISE_JOB=reprise.1.2");
    EXPECT_EQ(plan.environment, request.environment);
}

TEST_F(LaunchPlanTest, SeveralRanksAreStartedByMpirun) {
    several_ranks();
    EXPECT_EQ(plan_launch(request).argv,
              (Words{"mpirun", "-n", "3", "/opt/bin/reprise", "rank", "--channel=reprise.1.2",
                     "--log-level=info", "settings.json"}));
    EXPECT_EQ(value_of("PATH"), "/bin");
}

TEST_F(LaunchPlanTest, RanksLearnWhichContainerTheLauncherHasChosen) {
    request.environment.emplace_back("REPRISE_INTERNAL_CONTAINER=of another job");
    EXPECT_EQ(value_of("REPRISE_INTERNAL_CONTAINER"), "(not set)");
    request.container = "REPRISE_INTERNAL_CONTAINER=00";
    EXPECT_EQ(value_of("REPRISE_INTERNAL_CONTAINER"), "00");
    several_ranks();
    EXPECT_EQ(value_of("REPRISE_INTERNAL_CONTAINER"), "00");
}

TEST_F(LaunchPlanTest, RanksLearnWhichCpusTheLauncherHas) {
    request.cpus = "0-3@node1";
    EXPECT_EQ(value_of("REPRISE_LAUNCHER_CPUS"), "(not set)");  // the only rank has them anyway
    several_ranks();
    request.environment.emplace_back("REPRISE_LAUNCHER_CPUS=of another job");
    EXPECT_EQ(value_of("REPRISE_LAUNCHER_CPUS"), "0-3@node1");
}

TEST_F(LaunchPlanTest, ArgumentsOfTheUserStandBetweenMpirunsAndTheProgram) {
    several_ranks();
    request.mpirun_args = {"--mca", "btl", "tcp,self"};
    auto const argv = plan_launch(request).argv;
    EXPECT_EQ(Words(argv.begin(), argv.begin() + 7),
              (Words{"mpirun", "-n", "3", "--mca", "btl", "tcp,self", "/opt/bin/reprise"}));
}

TEST_F(LaunchPlanTest, OneRankHasNoUseForArgumentsOfMpirun) {
    request.mpirun_args = {"--mca", "btl", "tcp,self"};
    EXPECT_EQ(plan_launch(request).argv.front(), request.program);
}

TEST_F(LaunchPlanTest, JobArgumentsComeLastAndUntouched) {
    request.job_arguments = {"--parameter-dict", "{'a': [1, \"b c\"]}", "", "$HOME", "--solo"};
    for (bool const use_mpirun : {false, true}) {
        request.use_mpirun = use_mpirun;
        auto const argv = plan_launch(request).argv;
        ASSERT_GT(argv.size(), 5U);
        EXPECT_EQ(Words(argv.end() - 5, argv.end()), request.job_arguments);
    }
}

TEST_F(LaunchPlanTest, OptionsOfTheJobArePassedOn) {
    request.exit_for_restart = true;
    request.log_level = "debug";
    EXPECT_EQ(plan_launch(request).argv,
              (Words{"/opt/bin/reprise", "rank", "--channel=reprise.1.2", "--log-level=debug",
                     "--solo", "--exit-for-restart", "settings.json"}));
}

TEST_F(LaunchPlanTest, OnlyRootAllowsMpirunToRunAsRoot) {
    several_ranks();
    EXPECT_EQ(value_of("OMPI_ALLOW_RUN_AS_ROOT"), "(not set)");
    request.root = true;
    EXPECT_EQ(value_of("OMPI_ALLOW_RUN_AS_ROOT"), "1");
    EXPECT_EQ(value_of("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1");
}

TEST_F(LaunchPlanTest, HydraGetsNothingThatOnlyOpenMpiKnows) {
    several_ranks();
    request.root = true;
    request.mpi = MpiFamily::hydra;
    request.mpirun_args = {"-genv", "A", "b"};
    auto const plan = plan_launch(request);
    EXPECT_EQ(Words(plan.argv.begin(), plan.argv.begin() + 7),
              (Words{"mpiexec.hydra", "-n", "3", "-genv", "A", "b", "/opt/bin/reprise"}));
    for (auto const& variable : plan.environment) {
        EXPECT_FALSE(variable.starts_with("OMPI_") || variable.starts_with("PRTE_")) << variable;
    }
    // Else it would call srun, which waits for ever inside a step.
    EXPECT_EQ(value_of("HYDRA_LAUNCHER"), "fork");
    EXPECT_EQ(value_of("HYDRA_RMK"), "user");
    EXPECT_EQ(value_of("UCX_POSIX_DIR"), request.scratch);
}

TEST(MpiStarterTest, TrainingsDoNotFindWhatIsForMpiAlone) {
    std::string const scratch = "/dev/shm/reprise.1.2";
    auto const settings = settings_on_one_host(MpiFamily::hydra, scratch);
    for (auto const& variable : settings) {
        EXPECT_NE(is_for_mpi_alone(variable, scratch), variable.starts_with("HYDRA_")) << variable;
    }
    EXPECT_FALSE(is_for_mpi_alone("HWLOC_COMPONENTS=-cuda", scratch)) << "the user's own";
    EXPECT_FALSE(is_for_mpi_alone("UCX_POSIX_DIR=/dev/shm", scratch)) << "the user's own";
}

TEST(MpiStarterTest, EachHasItsWayToSayThatARankWasKilled) {
    for (int const code : {137, 143}) {
        EXPECT_TRUE(says_killed(MpiFamily::open_mpi_4, code));
        EXPECT_TRUE(says_killed(MpiFamily::hydra, code));
    }
    EXPECT_TRUE(says_killed(MpiFamily::hydra, 9));
    EXPECT_FALSE(says_killed(MpiFamily::open_mpi_5, 9));
    for (int const code : {0, 1, 127}) EXPECT_FALSE(says_killed(MpiFamily::hydra, code));
}

TEST_F(LaunchPlanTest, HydraStaysOnOneNodeAndSaysSo) {
    Words const environment{"SLURM_JOB_NUM_NODES=3", "SLURMD_NODENAME=node1"};
    EXPECT_EQ(nodes_to_use(environment, MpiFamily::open_mpi_5), 3);
    EXPECT_EQ(nodes_to_use(environment, MpiFamily::hydra), 1);
    EXPECT_NE(notice_of_unused_nodes(environment, MpiFamily::hydra)->find("srun --mpi=pmi2"),
              std::string::npos);
    EXPECT_EQ(notice_of_unused_nodes({"SLURM_JOB_NUM_NODES=1"}, MpiFamily::hydra), std::nullopt);
}

TEST_F(LaunchPlanTest, OpenMpisOfBothAgesPutTheirFilesIntoTheScratchDirectory) {
    several_ranks();
    for (auto const family : {MpiFamily::open_mpi_4, MpiFamily::open_mpi_5}) {
        request.mpi = family;
        auto const environment = plan_launch(request).environment;
        EXPECT_EQ(
            std::count_if(environment.begin(), environment.end(),
                          [&](auto& v) { return v.substr(v.find('=') + 1) == request.scratch; }),
            3)
            << "mpirun's own files, the segments of shared memory, and no plugins of hwloc";
    }
}

TEST_F(LaunchPlanTest, SettingsOfTheUserForMpiStay) {
    several_ranks();
    request.environment.emplace_back("OMPI_MCA_orte_base_help_aggregate=0");
    EXPECT_EQ(value_of("OMPI_MCA_orte_base_help_aggregate"), "0");
}

TEST_F(LaunchPlanTest, NothingOfAnOuterMpiJobIsLeft) {
    Words const outer = {"OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=0", "PMIX_RANK=0",
                         "OMPI_MCA_ess=pmi",       "PRTE_MCA_x=1",           "PMI_FD=7"};
    request.environment.insert(request.environment.end(), outer.begin(), outer.end());
    EXPECT_EQ(plan_launch(request).environment,
              (Words{"PATH=/bin", "HOME=/root", "REPRISE_JOB=reprise.1.2"}));
    several_ranks();
    for (auto const& variable : outer) {
        EXPECT_EQ(value_of(variable.substr(0, variable.find('='))), "(not set)") << variable;
    }
}

TEST_F(LaunchPlanTest, ABatchScriptOfSeveralNodesUsesThemAll) {
    Words environment = {"SLURM_JOB_NUM_NODES=3", "SLURMD_NODENAME=node1"};
    EXPECT_EQ(nodes_to_use(environment), 3);
    EXPECT_EQ(notice_of_unused_nodes(environment), std::nullopt);
    // In a step of one task; outside of the nodes; one node; no Slurm.
    environment.emplace_back("SLURM_STEP_ID=0");
    EXPECT_EQ(nodes_to_use(environment), 1);
    EXPECT_NE(notice_of_unused_nodes(environment)->find("srun has started one task"),
              std::string::npos);
    environment = {"SLURM_JOB_NUM_NODES=3"};
    EXPECT_EQ(nodes_to_use(environment), 1);
    EXPECT_NE(notice_of_unused_nodes(environment)->find("none of them"), std::string::npos);
    for (Words const& one : {Words{"SLURM_JOB_NUM_NODES=1", "SLURMD_NODENAME=node1"}, Words{}}) {
        EXPECT_EQ(nodes_to_use(one), 1);
        EXPECT_EQ(notice_of_unused_nodes(one), std::nullopt);
    }
}

TEST_F(LaunchPlanTest, OverSeveralNodesMpirunAsksSlurm) {
    several_ranks();
    request.nodes = 3;
    EXPECT_EQ(plan_launch(request).argv.front(), "mpirun");
    for (auto const* name : {"OMPI_MCA_plm", "OMPI_MCA_ras", "OMPI_MCA_btl", "OMPI_MCA_pml",
                             "OMPI_MCA_btl_vader_backing_directory", "PRTE_MCA_plm"}) {
        EXPECT_EQ(value_of(name), "(not set)") << name;
    }
    for (auto const& variable : plan_launch(request).environment) {
        bool const somewhere = variable.find(request.scratch) != std::string::npos;
        EXPECT_TRUE(!somewhere || variable.find("local_tmpdir_base") != std::string::npos)
            << variable << ": other nodes do not have that directory";
    }
}

TEST_F(LaunchPlanTest, ARankThatSrunHasStartedKeepsWhatMpiNeeds) {
    request.outer = OuterStep{"srun", 2, 3, true, false, true, ""};
    request.environment = {"PMIX_RANK=2", "PMIX_NAMESPACE=slurm.pmix.7.0", "OMPI_MCA_btl=self,tcp",
                           "SLURM_STEP_ID=0"};
    auto const plan = plan_launch(request);
    EXPECT_EQ(plan.argv,
              (Words{"/opt/bin/reprise", "rank", "--channel=reprise.1.2", "--log-level=info",
                     "--starter=srun", "--task=2", "--tasks=3", "--keep-fd=3", "settings.json"}));
    for (auto const& variable : request.environment) {
        EXPECT_EQ(value_of(variable.substr(0, variable.find('='))),
                  variable.substr(variable.find('=') + 1));
    }
    EXPECT_EQ(value_of("REPRISE_INTERNAL_HUB"), "(not set)");
    EXPECT_EQ(value_of("OMPI_MCA_pml"), "(not set)");  // between hosts MPI chooses
    request.outer->one_host = true;
    EXPECT_EQ(value_of("OMPI_MCA_btl"), "self,tcp");
    EXPECT_EQ(value_of("OMPI_MCA_pml"), "ob1");
}

TEST_F(LaunchPlanTest, TheHubStandsInNoCommandLine) {
    request.outer = OuterStep{"srun", 0, 3, true, false, true, ""};
    request.hub = "secret 4711 node1 10.0.0.1";
    request.refuse = true;
    auto const plan = plan_launch(request);
    EXPECT_EQ(value_of("REPRISE_INTERNAL_HUB"), request.hub);
    EXPECT_EQ(std::count(plan.argv.begin(), plan.argv.end(), "--refuse"), 1);
    for (auto const& word : plan.argv) EXPECT_EQ(word.find("secret"), std::string::npos);
}

TEST_F(LaunchPlanTest, SimplePmisDescriptorIsPassedOn) {
    request.outer = OuterStep{"mpirun", 1, 3, true, false, false, ""};
    request.environment.emplace_back("PMI_FD=9");
    auto const plan = plan_launch(request);
    EXPECT_EQ(plan.fds, (std::vector<std::pair<int, int>>{{9, 9}}));
    EXPECT_EQ(plan.keep_fd, 10);
}

TEST_F(LaunchPlanTest, VariablesOfTheBatchSystemStay) {
    // The ranks ask for the job's number and its end; trainings get less (container/).
    request.environment = {"SLURM_JOB_ID=12", "SLURM_STEP_ID=0", "SLURM_PROCID=0",
                           "OMPI_COMM_WORLD_SIZE=1"};
    EXPECT_EQ(
        plan_launch(request).environment,
        (Words{"SLURM_JOB_ID=12", "SLURM_STEP_ID=0", "SLURM_PROCID=0", "REPRISE_JOB=reprise.1.2"}));
}

TEST_F(LaunchPlanTest, AJobInsideAnotherOneIsMarkedAsItself) {
    request.environment.emplace_back("REPRISE_JOB=reprise.77.88");
    for (bool const use_mpirun : {false, true}) {
        request.use_mpirun = use_mpirun;
        EXPECT_EQ(value_of("REPRISE_JOB"), "reprise.1.2");
    }
}

}  // namespace
}  // namespace reprise
