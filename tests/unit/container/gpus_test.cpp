#include "reprise/container/gpus.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "support/private_folder.hpp"

namespace reprise {
namespace {

using Names = std::vector<std::string>;
using Variables = std::vector<std::string>;

/// A /dev of our own.
class GpusTest : public ::testing::Test {
  protected:
    void device(std::string const& name) { std::ofstream(folder_ / name) << ""; }
    [[nodiscard]] FoundGpus find(Variables const& environment) const {
        return find_gpus(environment, dev());
    }
    [[nodiscard]] Variables show(Variables const& environment, Names const& devices) const {
        return gpu_variables(environment, devices, dev());
    }
    [[nodiscard]] std::string dev() const { return folder_.path(); }

  private:
    test::PrivateFolder folder_;
};

struct Case {
    std::string list;
    Names expected;
};

TEST_F(GpusTest, ListsAreReadInEverySpelling) {
    std::vector<Case> const cases{
        {"0", {"0"}},
        {"3,1", {"3", "1"}},
        {" 0 , 2", {"0", "2"}},
        {"0-3", {"0", "1", "2", "3"}},
        {"0-1,4", {"0", "1", "4"}},
        {"1,1", {"1"}},
        {"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", {"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"}},
        {"MIG-GPU-8932f937/1/0,MIG-b1", {"MIG-GPU-8932f937/1/0", "MIG-b1"}},
        {"0,-1,1", {"0"}},
        {"-1", {}},
        {"", {}},
        {"NoDevFiles", {}},
        {"10000", {}},
        {"7-2", {"7-2"}},
    };
    for (auto const& c : cases) {
        auto const found = find({"CUDA_VISIBLE_DEVICES=" + c.list});
        EXPECT_EQ(found.devices, c.expected) << c.list;
        EXPECT_TRUE(found.assigned);
    }
    EXPECT_EQ(find({"_CONDOR_AssignedGPUs=CUDA0,CUDA12, GPU-c4a646d7"}).devices,
              (Names{"0", "12", "GPU-c4a646d7"}));
}

TEST_F(GpusTest, CudasVariableWinsThenSlurmsThenHtcondors) {
    Variables environment{"_CONDOR_AssignedGPUs=CUDA3"};
    EXPECT_EQ(find(environment), (FoundGpus{{"3"}, "_CONDOR_AssignedGPUs", true}));
    environment.emplace_back("SLURM_JOB_GPUS=2");
    EXPECT_EQ(find(environment), (FoundGpus{{"2"}, "SLURM_JOB_GPUS", true}));
    environment.emplace_back("CUDA_VISIBLE_DEVICES=1");
    EXPECT_EQ(find(environment), (FoundGpus{{"1"}, "CUDA_VISIBLE_DEVICES", true}));
    environment.back() = "CUDA_VISIBLE_DEVICES=";
    EXPECT_EQ(find(environment), (FoundGpus{{}, "CUDA_VISIBLE_DEVICES", true}));
}

TEST_F(GpusTest, DeviceFilesAreWhatTheHostHasNotWhatTheJobWasAssigned) {
    EXPECT_EQ(find({}), FoundGpus{});
    for (auto const* const name : {"nvidia10", "nvidia0", "nvidiactl", "nvidia-uvm", "nvidia1"}) {
        device(name);
    }
    EXPECT_EQ(find({}), (FoundGpus{{"0", "1", "10"}, dev(), false}));
}

TEST_F(GpusTest, ARunSeesItsDevicesInEverySpelling) {
    EXPECT_EQ(show({}, {"2", "GPU-b"}),
              (Variables{"CUDA_VISIBLE_DEVICES=2,GPU-b", "NVIDIA_VISIBLE_DEVICES=2,GPU-b"}));
    device("nvidia0");
    device("kfd");
    EXPECT_EQ(show({"CUDA_VISIBLE_DEVICES=0,1", "ROCR_VISIBLE_DEVICES=0,1"}, {"1"}),
              (Variables{"CUDA_VISIBLE_DEVICES=1", "NVIDIA_VISIBLE_DEVICES=1",
                         "ROCR_VISIBLE_DEVICES=1"}));
}

TEST_F(GpusTest, ARunThatIsToHaveNoneSeesNone) {
    EXPECT_EQ(show({}, {}), (Variables{"CUDA_VISIBLE_DEVICES=-1", "NVIDIA_VISIBLE_DEVICES=none",
                                       "ROCR_VISIBLE_DEVICES=-1", "HIP_VISIBLE_DEVICES=-1"}));
}

TEST_F(GpusTest, AmdsLayersCountWhatTheLowestOneLetsThemSee) {
    Variables environment{"ROCR_VISIBLE_DEVICES=4,6", "HIP_VISIBLE_DEVICES=0,1"};
    EXPECT_EQ(find(environment), (FoundGpus{{"4", "6"}, "ROCR_VISIBLE_DEVICES", true}));
    EXPECT_EQ(show(environment, {"6"}),
              (Variables{"ROCR_VISIBLE_DEVICES=6", "HIP_VISIBLE_DEVICES=0"}));
    EXPECT_EQ(show({"HIP_VISIBLE_DEVICES=4,6"}, {"6"}), Variables{"HIP_VISIBLE_DEVICES=6"});
    // Slurm may set all of them.
    environment.back() = "CUDA_VISIBLE_DEVICES=4,6";
    device("kfd");
    EXPECT_EQ(find(environment).source, "ROCR_VISIBLE_DEVICES");
    EXPECT_EQ(show(environment, {"4", "6"}),
              (Variables{"ROCR_VISIBLE_DEVICES=4,6", "CUDA_VISIBLE_DEVICES=0,1"}));
}

}  // namespace
}  // namespace reprise
