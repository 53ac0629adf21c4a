#include "reprise/container/thread_variables.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "reprise/container/htcondor.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

using Variables = std::vector<std::string>;

constexpr int allocation_cpus = 8;

Variables with_four_threads(Variables const& environment) {
    return thread_variables(environment, 4, allocation_cpus);
}

bool has(Variables const& variables, std::string const& variable) {
    return std::find(variables.begin(), variables.end(), variable) != variables.end();
}

/// What HTCondor sets for request_cpus.
Variables htcondor(std::string const& request_cpus, Variables more = {}) {
    Variables environment{"BATCH_SYSTEM=HTCondor"};
    for (auto const name : htcondor_thread_variables) {
        environment.push_back(std::string(name) + "=" + request_cpus);
    }
    environment.insert(environment.begin(), more.begin(), more.end());
    return environment;
}

TEST(ThreadVariablesTest, EveryLibraryIsTold) {
    EXPECT_EQ(with_four_threads({"A=1"}),
              (Variables{"OMP_NUM_THREADS=4", "MKL_NUM_THREADS=4", "OPENBLAS_NUM_THREADS=4",
                         "GOTO_NUM_THREADS=4", "NUMEXPR_NUM_THREADS=4", "TORCH_NUM_THREADS=4",
                         "VECLIB_MAXIMUM_THREADS=4"}));
}

TEST(ThreadVariablesTest, WhatTheUserHasSetStays) {
    auto const set = with_four_threads({"MKL_NUM_THREADS=1", "SINGULARITYENV_TORCH_NUM_THREADS=2"});
    EXPECT_EQ(set, (Variables{"OMP_NUM_THREADS=4", "OPENBLAS_NUM_THREADS=4", "GOTO_NUM_THREADS=4",
                              "NUMEXPR_NUM_THREADS=4", "VECLIB_MAXIMUM_THREADS=4"}));
}

TEST(ThreadVariablesTest, OmpNumThreadsOfTheUserDecidesForAll) {
    EXPECT_EQ(with_four_threads({"OMP_NUM_THREADS=1"}), Variables{});
    EXPECT_EQ(with_four_threads({"APPTAINERENV_OMP_NUM_THREADS=1"}), Variables{});
    EXPECT_EQ(with_four_threads({"OMP_NUM_THREADS="}).size(), 7U);  // says nothing
}

TEST(ThreadVariablesTest, WhatHtcondorHasSetIsReplaced) {
    auto const set = with_four_threads(htcondor("8"));
    for (auto const* const variable :
         {"OMP_NUM_THREADS=4", "MKL_NUM_THREADS=4", "GOTO_NUM_THREADS=4", "GOMAXPROCS=4",
          "JULIA_NUM_THREADS=4", "TF_NUM_THREADS=4"}) {
        EXPECT_TRUE(has(set, variable)) << variable;
    }
    EXPECT_FALSE(has(set, "OMP_THREAD_LIMIT=4"));
}

TEST(ThreadVariablesTest, OneVariableOfHtcondorsIsKnownByTheSizeOfTheAllocation) {
    EXPECT_TRUE(
        has(with_four_threads({"_CONDOR_SLOT=slot1_1", "OMP_NUM_THREADS=8"}), "OMP_NUM_THREADS=4"));
    EXPECT_FALSE(
        has(with_four_threads({"_CONDOR_SLOT=slot1_1", "OMP_NUM_THREADS=2"}), "OMP_NUM_THREADS=4"));
}

TEST(ThreadVariablesTest, TheUsersValueInsideHtcondorReplacesHtcondorsToo) {
    auto environment = htcondor("8");
    std::erase(environment, "OMP_NUM_THREADS=8");
    environment.emplace_back("OMP_NUM_THREADS=2,1");
    auto const set = with_four_threads(environment);
    EXPECT_TRUE(has(set, "MKL_NUM_THREADS=2"));
    EXPECT_TRUE(has(set, "GOMAXPROCS=2"));
    for (auto const& variable : set) EXPECT_FALSE(variable.starts_with("OMP_NUM_THREADS"));
}

TEST(ThreadVariablesTest, TheSameValuesOutsideOfHtcondorAreTheUsers) {
    auto environment = htcondor("8");
    std::erase(environment, "BATCH_SYSTEM=HTCondor");
    EXPECT_EQ(with_four_threads(environment), Variables{});
}

TEST(HtcondorTest, MostVariablesTellTheCpus) {
    EXPECT_EQ(htcondor_cpus(htcondor("3", {"OMP_NUM_THREADS=1"})), 3);
    EXPECT_EQ(htcondor_cpus({"BATCH_SYSTEM=HTCondor", "OMP_NUM_THREADS=3"}), std::nullopt);
    EXPECT_EQ(htcondor_cpus({"OMP_NUM_THREADS=3", "MKL_NUM_THREADS=3"}), std::nullopt);
}

TEST(HtcondorTest, TheDescriptionOfTheSlotComesFirst) {
    test::PrivateFolder const folder;
    auto const path = folder / "machine.ad";
    std::ofstream(path) << "TotalCpus = 64\nCpus = 5\nMemory = 1024\n";
    auto const ad = "_CONDOR_MACHINE_AD=" + path;
    EXPECT_EQ(htcondor_cpus(htcondor("3", {ad})), 5);
    EXPECT_EQ(htcondor_cpus(htcondor("3", {ad + ".gone"})), 3);
}

}  // namespace
}  // namespace reprise
