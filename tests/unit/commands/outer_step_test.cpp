#include "reprise/commands/outer_step.hpp"

#include <gtest/gtest.h>

namespace reprise {
namespace {

using Words = std::vector<std::string>;

TEST(OuterStepTest, AJobByItselfIsAlone) {
    EXPECT_EQ(find_outer_step({"PATH=/bin", "SLURM_JOB_ID=7", "SLURM_PROCID=0"}), std::nullopt);
}

TEST(OuterStepTest, TheOnlyTaskOfAStepIsAlone) {
    // cluster_utils starts its jobs by srun, also where MpiDefault is pmix.
    EXPECT_EQ(find_outer_step({"SLURM_STEP_NUM_TASKS=1", "SLURM_PROCID=0", "PMIX_RANK=0"}),
              std::nullopt);
    EXPECT_EQ(find_outer_step({"OMPI_COMM_WORLD_SIZE=1", "OMPI_COMM_WORLD_RANK=0"}), std::nullopt);
}

TEST(OuterStepTest, TasksOfAStepAreRanks) {
    auto const step =
        find_outer_step({"SLURM_STEP_NUM_TASKS=3", "SLURM_STEP_NUM_NODES=1", "SLURM_PROCID=2",
                         "PMIX_RANK=2", "PMIX_SERVER_URI2=pmix-server.7;tcp4://127.0.0.1:41233",
                         "PMIX_SERVER_URI41=pmix-server.7;tcp4://127.0.0.1:41234"});
    ASSERT_TRUE(step);
    EXPECT_EQ(*step, (OuterStep{"srun", 2, 3, true, true, true, "41233 41234"}));
    EXPECT_EQ(describe(*step), "srun has started 3 tasks of this job, which are its ranks");
}

TEST(OuterStepTest, TheRankOfMpiCountsNotTheTaskOfSlurm) {
    // srun --distribution can number them differently.
    auto const step = find_outer_step({"SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=2", "PMIX_RANK=1"});
    ASSERT_TRUE(step);
    EXPECT_EQ(step->task, 1);
    EXPECT_FALSE(step->one_host);
}

TEST(OuterStepTest, AStepThatTellsMpiNothingIsNotConnected) {
    auto const step = find_outer_step({"SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=1"});
    ASSERT_TRUE(step);
    EXPECT_FALSE(step->connected);
    auto const pmi2 =
        find_outer_step({"SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=1", "PMI_RANK=1", "PMI_FD=9"});
    ASSERT_TRUE(pmi2);
    EXPECT_TRUE(pmi2->connected);
}

TEST(OuterStepTest, TheInnermostStarterCounts) {
    Words environment = {"SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=1", "OMPI_COMM_WORLD_SIZE=4",
                         "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_LOCAL_SIZE=4"};
    auto const step = find_outer_step(environment);
    ASSERT_TRUE(step);
    EXPECT_EQ(*step, (OuterStep{"mpirun", 3, 4, true, true, false, ""}));
    environment[2] = "OMPI_COMM_WORLD_SIZE=1";
    EXPECT_EQ(find_outer_step(environment), std::nullopt);
}

TEST(OuterStepTest, HydraCountsToo) {
    auto const step = find_outer_step({"PMI_SIZE=4", "PMI_RANK=0", "MPI_LOCALNRANKS=2"});
    ASSERT_TRUE(step);
    EXPECT_EQ(*step, (OuterStep{"mpirun", 0, 4, true, false, false, ""}));
}

TEST(OuterStepTest, WhatIsNoNumberIsNotThere) {
    for (std::string const number : {"", "x", "3x", "-3", "99999999999999999999"}) {
        EXPECT_EQ(find_outer_step({"SLURM_STEP_NUM_TASKS=" + number, "SLURM_PROCID=0"}),
                  std::nullopt)
            << number;
        EXPECT_EQ(find_outer_step({"SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=" + number}),
                  std::nullopt)
            << number;
    }
}

}  // namespace
}  // namespace reprise
