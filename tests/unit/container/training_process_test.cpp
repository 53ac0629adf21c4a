#include "reprise/container/training_process.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "reprise/core/error.hpp"
#include "reprise/system/host.hpp"
#include "support/forked.hpp"
#include "support/kill_one.hpp"
#include "training_scene.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class TrainingProcessTest : public test::TrainingScene {
  protected:
    [[nodiscard]] std::string output() const { return read_file(spec_.stdout_path, 100000); }

    /// Number of the helper: the only child of this process that belongs to the training.
    static pid_t helper() {
        auto const now = children();
        EXPECT_EQ(now.size(), 1U);
        return now.empty() ? -1 : now.front();
    }

    std::string make_fifo(std::string const& name) {
        EXPECT_EQ(::mkfifo((folder_ / name).c_str(), 0600), 0);
        return folder_ / name;
    }

    /// Returns when a process that is not our child has ended, though nobody has reaped it.
    static void wait_until_dead(pid_t pid) {
        Fd const pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        int const fd = pidfd.get();
        EXPECT_FALSE(wait_readable({&fd, 1}, 20s).empty());
    }

    /// Backend (with 4) and learner end while the helper does not look; then it looks.
    void end_both_at_once(std::string const& learners_exit_code) {
        auto const first = make_fifo("first");
        auto const second = make_fifo("second");
        backend({"wait-end", first, "exit", "4"});
        learner({"wait-end", second, "exit", learners_exit_code});
        start();
        announced(2);
        pid_t const watcher = helper();
        testing::kill_one(watcher, SIGSTOP);
        Fd(::open(first.c_str(), O_WRONLY | O_CLOEXEC)).close();
        Fd(::open(second.c_str(), O_WRONLY | O_CLOEXEC)).close();
        wait_until_dead(process_named("backend").pid);
        wait_until_dead(process_named("learner").pid);
        testing::kill_one(watcher, SIGCONT);
    }
};

TEST_F(TrainingProcessTest, LearnersExitCodeIsReported) {
    learner({"exit", "5"});
    auto const end = run();
    EXPECT_EQ(end.how, How::learner_ended);
    ASSERT_TRUE(end.learner);
    EXPECT_EQ(end.learner->exit_code, 5);
    EXPECT_EQ(end.message, "the learner ended (exit code 5)");
    EXPECT_FALSE(end.backend);
    EXPECT_EQ(end.left_running, 0);
}

TEST_F(TrainingProcessTest, LearnersSignalIsReported) {
    learner({"die", "9"});
    EXPECT_EQ(run().learner->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, UsageIsThatOfTheTraining) {
    spec_.learner = {"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"};
    auto const end = run();
    EXPECT_GT(end.cpu_s, 0.0005);
    EXPECT_LT(end.cpu_s, 20.0);
    EXPECT_GT(end.peak_memory_mb, 0.1);
    EXPECT_LT(end.peak_memory_mb, 20.0);
}

TEST_F(TrainingProcessTest, OutputGoesToTheFiles) {
    spec_.backend = {"sh", "-c", "exec >&2; echo from the backend; exec sleep 100"};
    spec_.learner = {"sh", "-c", "until [ -s stderr.txt ]; do :; done; echo from the learner; pwd"};
    run();
    EXPECT_EQ(output(), "from the learner\n" + folder_.path() + "\n");
    EXPECT_EQ(read_file(spec_.stderr_path, 1000), "from the backend\n");
}

TEST_F(TrainingProcessTest, FloodOfOutputIsKilledLikeAnyOther) {
    spec_.stdout_path = "/dev/null";
    backend({"flood"});
    learner({"announce", announcements_.path(), "again", "exit", "0"});
    EXPECT_EQ(run().how, How::learner_ended);
}

TEST_F(TrainingProcessTest, LearnerFloodingAPipeThatNobodyReadsIsKilled) {
    spec_.learner = {"sh", "-c",
                     std::string(REPRISE_SCRIPTED_CHILD) + " announce " + announcements_.path() +
                         " flood flood | " + REPRISE_SCRIPTED_CHILD + " stay"};
    start();
    announced(1);
    training_->kill();
    EXPECT_EQ(wait_for_end().how, How::killed);
}

TEST_F(TrainingProcessTest, BackendWithoutStopCommandIsTerminated) {
    backend({"on-signal", "15", "8", "announce", announcements_.path(), "ready", "stay"});
    spec_.learner = {"sh", "-c", "exit 0"};
    auto const end = run();
    EXPECT_EQ(end.how, How::learner_ended);
    ASSERT_TRUE(end.backend);
    EXPECT_TRUE(end.backend->exit_code == 8 || end.backend->signal == SIGTERM);
}

TEST_F(TrainingProcessTest, StopCommandLetsTheBackendLeaveByItself) {
    auto const leave = make_fifo("leave");
    backend({"wait-end", leave, "exit", "6"});
    learner({"exit", "0"});
    spec_.stop = {REPRISE_SCRIPTED_CHILD, "announce", leave, "stop", "exit", "0"};
    auto const end = run();
    EXPECT_EQ(end.how, How::learner_ended);
    EXPECT_EQ(end.backend->exit_code, 6);
}

TEST_F(TrainingProcessTest, BackendThatIgnoresTheStopCommandAndSigtermIsKilled) {
    backend({"ignore", "15", "stay"});
    learner({"exit", "0"});
    spec_.stop = {REPRISE_SCRIPTED_CHILD, "exit", "1"};
    auto const end = run();
    EXPECT_EQ(end.how, How::learner_ended);
    EXPECT_TRUE(end.learner->succeeded());
    EXPECT_EQ(end.backend->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, StopCommandThatHangsIsBounded) {
    backend({"stay"});
    learner({"exit", "0"});
    spec_.stop = command("stop", {"ignore", "15", "stay"});
    spec_.stop_grace = 100ms;
    EXPECT_EQ(run().how, How::learner_ended);
}

TEST_F(TrainingProcessTest, MissingStopCommandDoesNotSpoilTheTraining) {
    backend({"stay"});
    learner({"exit", "0"});
    spec_.stop = {"no_such_stop"};
    auto const end = run();
    EXPECT_EQ(end.how, How::learner_ended);
    EXPECT_TRUE(end.learner->succeeded());
}

TEST_F(TrainingProcessTest, DeathOfTheBackendKillsTheLearnerQuickly) {
    backend({"stay"});
    learner({"ignore", "15", "stay"});
    start();
    announced(2);
    testing::kill_one(process_named("backend").pid, SIGKILL);
    auto const begin = steady_clock::now();
    auto const end = wait_for_end();
    auto const took = steady_clock::now() - begin;
    EXPECT_EQ(end.how, How::backend_died);
    EXPECT_EQ(end.backend->signal, SIGKILL);
    EXPECT_EQ(end.learner->signal, SIGKILL);
    EXPECT_EQ(end.message, "the backend ended before the learner (signal 9 (Killed))");
    EXPECT_LT(took, 2s);
    std::cout << "from the backend's death to the attempt's end: "
              << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST_F(TrainingProcessTest, TermToEveryProcessIsAStopAlsoWhenItReachesTheBackendFirst) {
    backend({"stay"});
    learner({"on-signal", "15", "0", "announce", announcements_.path(), "ready", "stay"});
    start();
    announced(3);
    auto const watcher = helper();
    testing::kill_one(watcher, SIGSTOP);
    testing::kill_one(process_named("backend").pid, SIGTERM);
    wait_until_dead(process_named("backend").pid);
    testing::kill_one(watcher, SIGTERM);
    testing::kill_one(watcher, SIGCONT);
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::stopped);
    EXPECT_EQ(end.learner->exit_code, 0);
}

TEST_F(TrainingProcessTest, LearnerThatEndsWellTogetherWithItsBackendHasSucceeded) {
    end_both_at_once("0");
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::learner_ended);
    EXPECT_TRUE(end.learner->succeeded());
    EXPECT_EQ(end.backend->exit_code, 4);
}

TEST_F(TrainingProcessTest, LearnerThatFailsTogetherWithItsBackendIsNotToBlame) {
    end_both_at_once("1");
    EXPECT_EQ(wait_for_end().how, How::backend_died);
}

TEST_F(TrainingProcessTest, LearnerThatEndsWellJustAfterItsBackendHasSucceeded) {
    auto const alive = make_fifo("alive");
    learner({"wait-end", alive, "linger", "10", "exit", "0"});
    backend({"announce", alive, "alive", "announce", announcements_.path(), "ready", "stay"});
    // On a busy machine the learner may need longer than the window for it.
    constexpr int most_tries = 50;
    How how = How::backend_died;
    for (int i = 0; i < most_tries && how == How::backend_died; ++i) {
        start();
        announced(3);
        testing::kill_one(seen_.back().process.pid, SIGKILL);
        how = wait_for_end().how;
    }
    EXPECT_EQ(how, How::learner_ended);
}

TEST_F(TrainingProcessTest, CommandThatCannotStartIsNamed) {
    learner({"stay"});
    spec_.backend = {"no_such_backend", "config.json"};
    auto end = run();
    EXPECT_EQ(end.how, How::not_started);
    EXPECT_EQ(end.program, "no_such_backend");
    EXPECT_EQ(end.message,
              "cannot start 'no_such_backend' (No such file or directory). Is it installed, "
              "executable and on PATH?");
    backend({"stay"});
    spec_.learner = {"no_such_learner"};
    end = run();
    EXPECT_EQ(end.how, How::not_started);
    EXPECT_EQ(end.program, "no_such_learner");
    EXPECT_EQ(end.backend->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, MissingHelperAndUnwritableOutputAreErrors) {
    learner({"exit", "0"});
    spec_.stdout_path = folder_ / "none/stdout.txt";
    EXPECT_THROW((void)TrainingProcess::start(spec_), Error);
    spec_.stdout_path = folder_ / "stdout.txt";
    spec_.helper = folder_ / "no_helper";
    EXPECT_THROW((void)TrainingProcess::start(spec_), Error);
}

TEST_F(TrainingProcessTest, StopLetsTheLearnerEndInOrder) {
    backend({"stay"});
    learner({"on-signal", "10", "0", "announce", announcements_.path(), "ready", "stay"});
    spec_.stop_signal = SIGUSR1;
    start();
    announced(3);
    training_->stop();
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::stopped);
    EXPECT_EQ(end.learner->exit_code, 0);
}

TEST_F(TrainingProcessTest, AnnouncementToEveryProcessKillsNoLearner) {
    learner({"on-signal", "15", "0", "announce", announcements_.path(), "ready", "stay"});
    start();
    auto const process = announced(2);
    for (int const signal : {SIGUSR1, SIGUSR2}) testing::kill_one(process.pid, signal);
    training_->stop();
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::stopped);
    EXPECT_EQ(end.learner->exit_code, 0);
}

TEST_F(TrainingProcessTest, StopRightAfterTheStartIsAStop) {
    learner({"stay"});
    start();
    training_->stop();
    training_->stop();
    EXPECT_EQ(wait_for_end().how, How::stopped);
}

TEST_F(TrainingProcessTest, LearnerThatDoesNotStopIsKilledAfterTheGrace) {
    learner({"ignore", "15", "announce", announcements_.path(), "ready", "stay"});
    spec_.stop_grace = 100ms;
    start();
    announced(2);
    auto const begin = steady_clock::now();
    training_->stop();
    auto const end = wait_for_end();
    EXPECT_GE(steady_clock::now() - begin, 100ms);
    EXPECT_EQ(end.how, How::stopped);
    EXPECT_EQ(end.learner->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, KillDoesNotWaitForTheGrace) {
    learner({"ignore", "15", "announce", announcements_.path(), "ready", "stay"});
    start();
    announced(2);
    training_->kill();
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::killed);
    EXPECT_EQ(end.learner->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, KillAfterStopDoesNotWaitForTheGrace) {
    learner({"ignore", "15", "announce", announcements_.path(), "ready", "stay"});
    start();
    announced(2);
    training_->stop();
    training_->kill();
    EXPECT_EQ(wait_for_end().learner->signal, SIGKILL);
}

TEST_F(TrainingProcessTest, DaemonsOfTheLearnerDieWithTheAttempt) {
    auto const go = make_fifo("go");
    learner({"daemon", "ignore", "15", "announce", announcements_.path(), "daemon", "end-daemon",
             "wait-end", go, "exit", "0"});
    start();
    announced(2);
    EXPECT_TRUE(is_running(process_named("daemon")));
    Fd(::open(go.c_str(), O_WRONLY | O_CLOEXEC)).close();
    auto const end = wait_for_end();
    EXPECT_TRUE(end.learner->succeeded());
    EXPECT_FALSE(is_running(process_named("daemon")));
}

TEST_F(TrainingProcessTest, ForkingChainDiesWithTheAttempt) {
    backend({"daemon", "chain", "end-daemon", "stay"});
    learner({"exit", "0"});
    EXPECT_EQ(run().how, How::learner_ended);
}

TEST_F(TrainingProcessTest, KilledHelperLeavesNothing) {
    backend({"daemon", "announce", announcements_.path(), "daemon", "end-daemon", "stay"});
    learner({"ignore", "15", "stay"});
    start();
    announced(3);
    testing::kill_one(helper(), SIGKILL);
    auto const end = wait_for_end();
    EXPECT_EQ(end.how, How::helper_lost);
    EXPECT_EQ(end.message, "the process that watched the training ended (signal 9 (Killed))");
    EXPECT_EQ(end.left_running, 0);
    for (auto const* word : {"backend", "learner", "daemon"}) {
        EXPECT_FALSE(is_running(process_named(word))) << word;
    }
}

TEST_F(TrainingProcessTest, StoppedHelperIsKilledByTheSecondKill) {
    learner({"stay"});
    start();
    announced(1);
    testing::kill_one(helper(), SIGSTOP);
    training_->kill();
    training_->kill();
    EXPECT_EQ(wait_for_end().how, How::killed);
}

TEST_F(TrainingProcessTest, OtherChildrenOfTheRankAreSpared) {
    ProcessSpec other;
    other.argv = {REPRISE_SCRIPTED_CHILD, "stay"};
    auto bystander = spawn(other);
    auto const id = identify(bystander.pid());
    learner({"stay"});
    start();
    announced(1);
    training_->kill();
    training_->kill();
    wait_for_end();
    EXPECT_TRUE(is_running(*id));
    bystander.send_signal(SIGKILL);
    EXPECT_EQ(bystander.wait().signal, SIGKILL);
}

TEST_F(TrainingProcessTest, KilledRankTakesTheWholeTrainingWithIt) {
    backend({"daemon", "ignore", "1", "announce", announcements_.path(), "daemon", "end-daemon",
             "stay"});
    learner({"ignore", "15", "stay"});
    pid_t const rank = test::run_forked([&] {
        start();
        return ::pause();
    });
    announced(3);
    testing::kill_one(rank, SIGKILL);
    EXPECT_EQ(test::status_of(rank), SIGKILL);
    EXPECT_TRUE(announcements_.all_end());
    EXPECT_EQ(kill_all_descendants(20s), 0);  // reaps the helper, which is our child now
}

TEST_F(TrainingProcessTest, BackendAndLearnerDieWhenRankAndHelperAreKilledTogether) {
    backend({"stay"});
    learner({"ignore", "15", "stay"});
    auto helper_known = make_pipe();
    pid_t const rank = test::run_forked([&] {
        start();
        pid_t const pid = helper();
        return ::write(helper_known.write_end.get(), &pid, sizeof pid) < 0 ? 1 : ::pause();
    });
    announced(2);
    pid_t watcher = -1;
    ASSERT_EQ(::read(helper_known.read_end.get(), &watcher, sizeof watcher),
              static_cast<ssize_t>(sizeof watcher));
    testing::kill_one(rank, SIGSTOP);  // so that it cannot do the work
    testing::kill_one(watcher, SIGKILL);
    testing::kill_one(rank, SIGKILL);
    EXPECT_EQ(test::status_of(rank), SIGKILL);
    EXPECT_TRUE(announcements_.all_end());
    EXPECT_EQ(kill_all_descendants(20s), 0);  // reaps them, they are our children now
}

TEST_F(TrainingProcessTest, DestructorKillsTheWholeTraining) {
    backend({"daemon", "announce", announcements_.path(), "daemon", "end-daemon", "stay"});
    learner({"stay"});
    start();
    announced(3);
    training_.reset();
    EXPECT_TRUE(descendants().empty());
}

TEST_F(TrainingProcessTest, CanBeMoved) {
    learner({"exit", "0"});
    start();
    TrainingProcess moved = std::move(*training_);
    training_ = std::move(moved);
    EXPECT_EQ(wait_for_end().how, How::learner_ended);
}

TEST_F(TrainingProcessTest, EnvironmentAndCpusReachTheLearner) {
    spec_.inherited = {"PATH=/usr/bin:/bin", "OMPI_COMM_WORLD_RANK=0"};
    spec_.variables = {"REPRISE_RUN=2"};
    spec_.cpu_list = std::to_string(usable_cpus().back());
    spec_.learner = {"sh", "-c",
                     "echo $REPRISE_RUN$OMPI_COMM_WORLD_RANK; grep Cpus_allowed_list "
                     "/proc/self/status | cut -f2"};
    EXPECT_TRUE(run().learner->succeeded());
    EXPECT_EQ(output(), "2\n" + spec_.cpu_list + "\n");
}

}  // namespace
}  // namespace reprise
