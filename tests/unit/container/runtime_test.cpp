#include "reprise/container/runtime.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprise {
namespace {

using Texts = std::vector<std::string>;

class RuntimeTest : public ::testing::Test {
  protected:
    RuntimeTest() {
        place_.start_dir = "/home/u/project";
        place_.working_dir = "/home/u/results/3";
        place_.run_dir = "/home/u/results/3/run_0.0-0";
    }

    void use(Runtime runtime, std::string const& executable) {
        setup_.runtime = runtime;
        setup_.executable = executable;
    }
    void contain_now() {
        auto contained = contain(setup_, place_, {"/opt/reprise/helper", "--learner", "1", "train"},
                                 {"PATH=/bin", "OMPI_X=1", "TMPDIR=/scratch"}, {"REPRISE_RUN=2"});
        argv_ = std::move(contained.argv);
        environment_ = std::move(contained.environment);
    }
    /// Whether these words stand side by side.
    [[nodiscard]] bool has(Texts const& words) const {
        return std::search(argv_.begin(), argv_.end(), words.begin(), words.end()) != argv_.end();
    }
    [[nodiscard]] bool sees(std::string const& variable) const {
        return std::count(environment_.begin(), environment_.end(), variable) == 1;
    }

    ContainerSetup setup_;
    RunPlace place_;
    Texts argv_;
    Texts environment_;
};

TEST_F(RuntimeTest, WithoutContainerTheCommandStaysAsItIs) {
    contain_now();
    EXPECT_EQ(argv_, (Texts{"/opt/reprise/helper", "--learner", "1", "train"}));
    EXPECT_EQ(environment_, (Texts{"PATH=/bin", "TMPDIR=/scratch", "REPRISE_RUN=2"}));
}

TEST_F(RuntimeTest, BubblewrapGivesPrivatePlacesAndPids) {
    use(Runtime::bubblewrap, "/usr/bin/bwrap");
    setup_.tmp_size_mb = 3;
    contain_now();
    EXPECT_TRUE(has({"/usr/bin/bwrap", "--dev-bind", "/", "/"}));
    EXPECT_TRUE(has({"--size", "3145728", "--tmpfs", "/tmp"}));
    EXPECT_TRUE(has({"--size", "3145728", "--tmpfs", "/dev/shm"}));
    EXPECT_TRUE(has({"--unshare-pid", "--as-pid-1"}));
    EXPECT_TRUE(has({"--chdir", place_.run_dir}));
    EXPECT_TRUE(has({"--", "/opt/reprise/helper", "--learner", "1", "train"}));
    EXPECT_TRUE(sees("TMPDIR=/tmp"));
    EXPECT_TRUE(sees("REPRISE_RUN=2"));
    EXPECT_FALSE(has({"--bind"}));
}

TEST_F(RuntimeTest, BubblewrapKeepsWhatTheJobHasInTmp) {
    use(Runtime::bubblewrap, "/usr/bin/bwrap");
    place_.start_dir = "/tmp/project";
    place_.working_dir = "/tmp/project/out";
    place_.programs = {"/tmp/tools/train", "/usr/bin/python3"};
    contain_now();
    EXPECT_TRUE(has({"--bind", "/tmp/project", "/tmp/project"}));
    EXPECT_TRUE(has({"--ro-bind-try", "/tmp/tools/train", "/tmp/tools/train"}));
    EXPECT_FALSE(has({"/usr/bin/python3"}));
}

TEST_F(RuntimeTest, NothingIsBoundTwice) {
    use(Runtime::bubblewrap, "/usr/bin/bwrap");
    place_.start_dir = "/tmp/project";
    place_.working_dir = "/tmp/project/out";
    place_.programs = {"/tmp/project/train", "/tmp/tools", "/tmp/tools/train"};
    contain_now();
    EXPECT_EQ(std::count(argv_.begin(), argv_.end(), "--bind"), 1);
    EXPECT_EQ(std::count(argv_.begin(), argv_.end(), "--ro-bind-try"), 1);
}

TEST_F(RuntimeTest, ThePrivatePlacesThemselvesAreNeverBound) {
    use(Runtime::bubblewrap, "/usr/bin/bwrap");
    place_.start_dir = "/tmp";
    contain_now();
    EXPECT_FALSE(has({"--bind"}));
}

TEST_F(RuntimeTest, ImagesGetTheJobsDirectoriesTheHelperAndTheVariables) {
    use(Runtime::apptainer, "/usr/bin/apptainer");
    setup_.image = "/images/learner.sif";
    setup_.args = {"--bind", "/data"};
    place_.scratch = "/dev/shm/reprise.1/run_0.0-0";
    contain_now();
    EXPECT_TRUE(has({"run", "--containall"}));
    EXPECT_TRUE(has({"--bind", "/dev/shm/reprise.1/run_0.0-0:/tmp"}));
    EXPECT_TRUE(has({"--bind", "/home/u/project:/home/u/project"}));
    EXPECT_TRUE(has({"--bind", "/home/u/results/3:/home/u/results/3"}));
    EXPECT_TRUE(has({"--bind", "/opt/reprise/helper:/.reprise-run-helper:ro"}));
    EXPECT_TRUE(has({"--pwd", place_.run_dir, "--bind", "/data", "/images/learner.sif",
                     "/.reprise-run-helper", "--learner", "1", "train"}));
    EXPECT_TRUE(sees("APPTAINERENV_REPRISE_RUN=2"));
    EXPECT_FALSE(has({"--nv"}));
}

TEST_F(RuntimeTest, GpusAndExecAreAskedForWhereWanted) {
    use(Runtime::apptainer, "/usr/bin/singularity");
    setup_.image = "/images/learner.sif";
    setup_.use_run = false;
    place_.gpu = true;
    contain_now();
    EXPECT_TRUE(has({"exec", "--containall", "--nv"}));
    EXPECT_TRUE(sees("SINGULARITYENV_REPRISE_RUN=2"));
}

TEST_F(RuntimeTest, MounterLimitsTheSizesOfAnImagesTmpAndDevShm) {
    use(Runtime::apptainer, "/usr/bin/apptainer");
    setup_.image = "/images/learner.sif";
    setup_.mounter = "/usr/bin/bwrap";
    setup_.tmp_size_mb = 1;
    EXPECT_EQ(scratch_bases(setup_).front(), "/tmp");
    place_.scratch = "/tmp/reprise.1/run_0.0-0";
    contain_now();
    EXPECT_EQ(argv_.front(), "/usr/bin/bwrap");
    EXPECT_TRUE(has({"--size", "1048576", "--tmpfs", place_.scratch + "/tmp"}));
    EXPECT_TRUE(has({"--size", "1048576", "--tmpfs", place_.scratch + "/shm"}));
    EXPECT_TRUE(has({"--bind", place_.scratch + "/tmp:/tmp"}));
    EXPECT_TRUE(has({"--bind", place_.scratch + "/shm:/dev/shm"}));
    // Where there is no room in /tmp; Apptainer refuses to bind that elsewhere.
    place_.scratch = "/dev/shm/reprise.1/run_0.0-0";
    contain_now();
    EXPECT_TRUE(has({"--bind", place_.scratch + "/tmp:/tmp"}));
    EXPECT_FALSE(has({"--bind", place_.scratch + "/shm:/dev/shm"}));
    place_.scratch.clear();  // only to look
    contain_now();
    EXPECT_EQ(argv_.front(), "/usr/bin/apptainer");
}

}  // namespace
}  // namespace reprise
