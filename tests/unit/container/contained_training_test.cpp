// Trainings in bubblewrap's containers: what differs from those without.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "support/kill_one.hpp"
#include "training_scene.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

class ContainedTrainingTest : public test::TrainingScene {
  protected:
    ContainedTrainingTest() {
        spec_.container.runtime = Runtime::bubblewrap;
        spec_.container.executable = find_program("bwrap", "/usr/bin:/bin").value_or("no bwrap");
        // A named pipe in /tmp can be written to also where it is bound to be read.
        spec_.place.programs = {REPRISE_SCRIPTED_CHILD, announcements_.path()};
    }

    /// All processes of the training, as the host numbers them: bubblewrap's own, the helper, …
    static std::vector<ProcessId> processes() { return descendants(); }
    static std::string name_of_process(pid_t pid) {
        std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
        std::string name;
        std::getline(file, name);
        return name;
    }
    static pid_t find(std::string const& name) {
        for (auto const& process : processes()) {
            if (name_of_process(process.pid) == name) return process.pid;
        }
        ADD_FAILURE() << "there is no process " << name;
        return -1;
    }
    void shell(std::string const& script) { spec_.learner = {"sh", "-c", script}; }
    std::string output() { return read_file(spec_.stdout_path, 100000); }
    /// A learner that ends in order when it is asked to, and says so.
    void start_a_learner_that_obeys() {
        auto const fifo = announcements_.path();
        shell("trap 'echo asked; exit 0' TERM; echo 'learner 1 1' > " + fifo +
              "; while :; do sleep 0.01; done");
        start();
        EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    }
    void expect_it_stopped_in_order() {
        EXPECT_EQ(wait_for_end().how, How::stopped);
        EXPECT_EQ(output(), "asked\n");
    }
    void start_and_wait_for_first_words() {
        auto const fifo = announcements_.path();
        shell("setsid sleep 1000 & trap '' TERM; echo 'learner 1 1' > " + fifo +
              "; while :; do sleep 1000; done");
        start();
        EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    }
};

TEST_F(ContainedTrainingTest, TmpAndShmAreItsOwn) {
    std::ofstream("/dev/shm/reprise-test-" + std::to_string(::getpid())) << "x";
    shell("ls -A /dev/shm; echo x > /dev/shm/fixed && echo x > /tmp/fixed && echo writable");
    EXPECT_TRUE(run().learner->succeeded());
    EXPECT_EQ(output(), "writable\n");
    std::remove(("/dev/shm/reprise-test-" + std::to_string(::getpid())).c_str());
    EXPECT_FALSE(is_regular_file("/dev/shm/fixed"));
}

TEST_F(ContainedTrainingTest, SizeOfThePrivatePlacesIsLimited) {
    spec_.container.tmp_size_mb = 2;
    shell(
        "head -c 1000000 /dev/zero > /tmp/fits && ! head -c 3000000 /dev/zero > /tmp/big &&"
        " ! head -c 3000000 /dev/zero > /dev/shm/big");
    EXPECT_TRUE(run().learner->succeeded());
}

TEST_F(ContainedTrainingTest, ItsProcessesAreItsOwn) {
    shell("[ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ] && [ $PPID = 1 ]");
    EXPECT_TRUE(run().learner->succeeded());
}

TEST_F(ContainedTrainingTest, StopsInOrder) {
    start_a_learner_that_obeys();
    training_->stop();
    expect_it_stopped_in_order();
}

TEST_F(ContainedTrainingTest, OrderToStopMayComeBeforeTheHelperListens) {
    shell("exec sleep 1000");
    start();
    training_->stop();
    EXPECT_EQ(wait_for_end().how, How::stopped);
}

TEST_F(ContainedTrainingTest, TermToItsStarterIsNoLossOfTheContainer) {
    start_a_learner_that_obeys();
    testing::kill_one(find("bwrap"), SIGTERM);
    testing::kill_one(find("reprise-run-hel"), SIGTERM);
    expect_it_stopped_in_order();
}

TEST_F(ContainedTrainingTest, TermToTheHelperAndTheOrderAreOneStop) {
    auto const fifo = announcements_.path();
    shell("trap 'echo asked; echo asked 1 1 > " + fifo +
          "; while [ ! -e gate ]; do sleep 0.01; done; exit 0' TERM; echo learner 1 1 > " + fifo +
          "; while :; do sleep 0.01; done");
    start();
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    testing::kill_one(find("reprise-run-hel"), SIGTERM);
    EXPECT_EQ(announcements_.wait_for(1).size(), 1U);
    training_->stop();
    std::ofstream(folder_ / "gate") << "open";
    expect_it_stopped_in_order();
}

TEST_F(ContainedTrainingTest, AnnouncementToEveryProcessIsNothingForTheContainer) {
    start_a_learner_that_obeys();
    for (int const signal : {SIGUSR1, SIGUSR2}) {
        testing::kill_one(find("bwrap"), signal);
        testing::kill_one(find("reprise-run-hel"), signal);
    }
    training_->stop();
    expect_it_stopped_in_order();
}

TEST_F(ContainedTrainingTest, KilledStarterLeavesNothing) {
    start_and_wait_for_first_words();
    testing::kill_one(find("bwrap"), SIGKILL);
    EXPECT_EQ(wait_for_end().how, How::helper_lost);
    EXPECT_TRUE(processes().empty());
}

TEST_F(ContainedTrainingTest, KilledHelperLeavesNothing) {
    start_and_wait_for_first_words();
    testing::kill_one(find("reprise-run-hel"), SIGKILL);
    EXPECT_EQ(wait_for_end().how, How::helper_lost);
    EXPECT_TRUE(processes().empty());
}

TEST_F(ContainedTrainingTest, KillReachesWhatIgnoresIt) {
    start_and_wait_for_first_words();
    training_->kill();
    EXPECT_EQ(wait_for_end().how, How::killed);
    EXPECT_TRUE(processes().empty());
}

TEST_F(ContainedTrainingTest, ContainerThatDoesNotStartIsToldFromALearnerThatFails) {
    spec_.container.args = {"--no-such-option"};
    shell("exit 0");
    auto const end = run();
    EXPECT_EQ(end.how, How::not_started);
    EXPECT_EQ(end.program, "");
    EXPECT_EQ(end.message, "the container did not start (bubblewrap ended with exit code 1)");
}

}  // namespace
}  // namespace reprise
