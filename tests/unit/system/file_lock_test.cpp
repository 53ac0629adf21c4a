#include "reprise/system/file_lock.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "support/forked.hpp"
#include "support/kill_one.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

using Outcome = LockAttempt::Outcome;

class FileLockTest : public ::testing::Test {
  protected:
    [[nodiscard]] LockAttempt try_lock() const { return FileLock::try_lock(path_); }

    /// Another process that takes the lock; returns once it has it (or not).
    pid_t start_holder() {
        auto taken = make_pipe();
        pid_t const pid = test::run_forked([&] {
            auto const attempt = try_lock();
            char const answer = attempt.outcome == Outcome::acquired ? 'y' : 'n';
            if (::write(taken.write_end.get(), &answer, 1) == 1) ::pause();
            return 1;
        });
        char answer = 0;
        EXPECT_EQ(::read(taken.read_end.get(), &answer, 1), 1);
        EXPECT_EQ(answer, 'y');
        return pid;
    }
    static void kill_hard(pid_t pid) {
        testing::kill_one(pid, SIGKILL);
        EXPECT_EQ(test::status_of(pid), SIGKILL);
    }

    test::PrivateFolder folder_;
    std::string path_ = folder_ / "lock";
};

TEST_F(FileLockTest, SecondProcessIsKeptOutAndToldByWhom) {
    pid_t const holder = start_holder();
    auto const attempt = try_lock();
    EXPECT_EQ(attempt.outcome, Outcome::held);
    EXPECT_FALSE(attempt.lock);
    EXPECT_NE(attempt.holder.find("host " + host_name() + ", pid " + std::to_string(holder) + ","),
              std::string::npos)
        << attempt.holder;
    kill_hard(holder);
}

TEST_F(FileLockTest, SecondHandleInTheSameProcessIsKeptOut) {
    auto const first = try_lock();
    EXPECT_EQ(first.outcome, Outcome::acquired);
    EXPECT_EQ(try_lock().outcome, Outcome::held);
}

TEST_F(FileLockTest, KilledHolderFreesTheLock) {
    kill_hard(start_holder());
    EXPECT_EQ(try_lock().outcome, Outcome::acquired);
}

TEST_F(FileLockTest, ReleaseLeavesNoFile) {
    {
        auto const attempt = try_lock();
        EXPECT_TRUE(is_regular_file(path_));
    }
    EXPECT_TRUE(list_directory(folder_.path()).empty());
    EXPECT_EQ(try_lock().outcome, Outcome::acquired);
}

TEST_F(FileLockTest, ReleaseDoesNotRemoveTheNextHoldersFile) {
    auto first = try_lock();
    remove_file(path_);  // as somebody who tidies up might
    auto const second = try_lock();
    EXPECT_EQ(second.outcome, Outcome::acquired);
    first.lock->release();
    EXPECT_TRUE(is_regular_file(path_));
    EXPECT_EQ(try_lock().outcome, Outcome::held);
}

TEST_F(FileLockTest, MovedLockIsStillHeld) {
    auto first = try_lock();
    std::optional<FileLock> moved = std::move(first.lock);
    first.lock.reset();
    EXPECT_EQ(try_lock().outcome, Outcome::held);
    moved.reset();
    EXPECT_EQ(try_lock().outcome, Outcome::acquired);
}

TEST_F(FileLockTest, NeverTwoHoldersWhileLocksComeAndGo) {
    constexpr int processes = 4;
    constexpr int rounds = 50;
    auto const inside = folder_ / "inside";
    auto const take_turns = [&] {
        for (int taken = 0; taken < rounds;) {
            auto const attempt = try_lock();
            if (attempt.outcome != Outcome::acquired) continue;
            ++taken;
            // Making a directory fails when another process is inside too.
            if (::mkdir(inside.c_str(), 0700) != 0 || ::rmdir(inside.c_str()) != 0) return 1;
        }
        return 0;
    };
    std::vector<pid_t> pids(processes);
    for (pid_t& pid : pids) pid = test::run_forked(take_turns);
    for (pid_t const pid : pids) EXPECT_EQ(test::status_of(pid), 0);
}

TEST_F(FileLockTest, MissingFolderIsNamed) {
    try {
        (void)FileLock::try_lock(folder_ / "none/lock");
        FAIL();
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::not_found);
    }
}

}  // namespace
}  // namespace reprise
