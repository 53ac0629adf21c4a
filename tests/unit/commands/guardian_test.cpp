// The guardian of a scratch directory, with the real helper and owners that really end.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "reprise/commands/scratch_directory.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/system/file_lock.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"
#include "support/forked.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr char name[] = "reprise.2.2";

class GuardianTest : public testing::Test {
  protected:
    /// The guardians of killed owners become children of the test.
    void SetUp() override { ASSERT_TRUE(become_subreaper()); }
    void TearDown() override { EXPECT_EQ(kill_all_descendants(20s), 0); }

    [[nodiscard]] std::vector<std::string> bases() const { return {base_.path()}; }
    [[nodiscard]] std::string path() const { return base_ / name; }

    using Deed = std::function<void(ScratchDirectory&)>;
    /// A process that makes the directory, does the deed, and ends as a killed one does.
    void owner_that_is_killed(Deed const& deed = [](auto&) {}) {
        auto const owner = test::run_forked([&] {
            ScratchDirectory scratch(name, bases());
            deed(scratch);
            ::_exit(0);  // without the destructor
            return 1;
        });
        ASSERT_EQ(test::status_of(owner), 0);
    }
    /// Takes hold of a directory whose owner is killed afterwards.
    std::optional<ScratchHold> hold_what_a_killed_owner_leaves() {
        auto made = make_pipe();
        auto held = make_pipe();
        auto const owner = test::run_forked([&] {
            ScratchDirectory const scratch(name, bases());
            made.write_end = Fd();
            held.write_end = Fd();
            char byte = 0;
            ::_exit(static_cast<int>(::read(held.read_end.get(), &byte, 1)));
            return 1;
        });
        made.write_end = Fd();
        char byte = 0;
        EXPECT_EQ(::read(made.read_end.get(), &byte, 1), 0);
        auto hold = hold_scratch(name, {base_ / "missing", base_.path()});
        EXPECT_TRUE(hold.has_value());
        EXPECT_EQ(hold ? hold->path : "", path());
        held.write_end = Fd();
        EXPECT_EQ(test::status_of(owner), 0);
        return hold;
    }
    static void wait_for_the_end_of_all_children() {
        while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
        }
    }
    /// Starts a process of the job with that name.
    static ChildProcess process_of(std::string const& job) {
        ProcessSpec spec;
        spec.argv = {"sleep", "1000"};
        spec.environment = own_environment();
        spec.environment.push_back("REPRISE_JOB=" + job);
        return spawn(spec);
    }

    test::PrivateFolder base_;
};

/// A server that only listens.
class Server {
  public:
    Server() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_.get(), generic, length), 0);
        EXPECT_EQ(::getsockname(socket_.get(), generic, &length), 0);
        port_ = ntohs(address.sin_port);
    }
    [[nodiscard]] int port() const { return port_; }
    /// What has come, or "nothing".
    [[nodiscard]] std::string heard() const {
        std::array<char, 1024> buffer{};
        auto const count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return count < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(count));
    }

  private:
    Fd socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    int port_ = 0;
};

void leave_will(ScratchDirectory const& scratch, Server const& server, std::string const& words) {
    write_last_will(scratch.path(), "127.0.0.1", server.port(),
                    std::as_bytes(std::span(words.data(), words.size())));
}

TEST_F(GuardianTest, IsGoneWithAnOwnerThatLeavesInOrder) {
    {
        ScratchDirectory const scratch(name, bases());
        EXPECT_EQ(children(), scratch.guardians());
    }
    EXPECT_TRUE(children().empty());
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, RemovesWhatAKilledOwnerLeaves) {
    owner_that_is_killed([](ScratchDirectory const& scratch) {
        auto const locked = scratch.path() + "/session/locked";
        fs::create_directories(locked);
        std::ofstream(locked + "/segment") << "x";
        fs::permissions(locked, fs::perms::owner_exec);
        fs::create_directory_symlink("/", scratch.path() + "/link");
    });
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_TRUE(fs::exists("/proc"));
}

TEST_F(GuardianTest, IsNotImpressedBySignals) {
    owner_that_is_killed([](ScratchDirectory const& scratch) {
        for (int const signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT}) {
            ::kill(scratch.guardians().front(), signal);
        }
    });
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, OfTwoEitherDoesTheWorkOfBoth) {
    for (std::size_t const killed : {0U, 1U}) {
        Server const server;
        auto ours = process_of(name);
        auto const owner = test::run_forked([&] {
            ScratchDirectory const scratch(name, bases(), 2);
            leave_will(scratch, server, "word");
            if (scratch.guardians().size() != 2) ::_exit(2);
            ::kill(scratch.guardians().at(killed), SIGKILL);
            ::_exit(0);
            return 1;
        });
        ASSERT_EQ(test::status_of(owner), 0);
        EXPECT_EQ(ours.wait().signal, SIGKILL);
        wait_for_the_end_of_all_children();
        EXPECT_FALSE(fs::exists(path()));
        EXPECT_EQ(server.heard(), "word");
    }
}

TEST_F(GuardianTest, TwoSpeakOnce) {
    Server const server;
    auto const owner = test::run_forked([&] {
        ScratchDirectory const scratch(name, bases(), 2);
        leave_will(scratch, server, "word");
        ::_exit(0);
        return 1;
    });
    ASSERT_EQ(test::status_of(owner), 0);
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_EQ(server.heard(), "word");
    EXPECT_EQ(server.heard(), "nothing");
}

TEST_F(GuardianTest, BothAreGoneWithAnOwnerThatLeavesInOrder) {
    {
        ScratchDirectory const scratch(name, bases(), 2);
        EXPECT_EQ(children(), scratch.guardians());
    }
    EXPECT_TRUE(children().empty());
}

TEST_F(GuardianTest, RemovesCgroupsOfRunsThatNobodyHolds) {
    auto const tree = base_ / "cgroups";
    for (auto const* run : {"/reprise.run.1.1", "/reprise.run.1.2", "/other"}) {
        fs::create_directories(tree + run);
    }
    auto const held = try_hold_directory(tree + "/reprise.run.1.2", LOCK_EX);
    ASSERT_TRUE(held);
    owner_that_is_killed([&](ScratchDirectory const& scratch) {
        std::ofstream(scratch.path() + "/cgroups") << tree << "\n";
    });
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_FALSE(fs::exists(tree + "/reprise.run.1.1"));
    EXPECT_TRUE(fs::exists(tree + "/reprise.run.1.2"));
    EXPECT_TRUE(fs::exists(tree + "/other"));
}

TEST_F(GuardianTest, IsInASessionOfItsOwnAndHasNoneOfOurDescriptors) {
    ScratchDirectory const scratch(name, bases());
    EXPECT_EQ(::getsid(scratch.guardians().front()), scratch.guardians().front());
    auto const fds = "/proc/" + std::to_string(scratch.guardians().front()) + "/fd";
    for (auto const& entry : fs::directory_iterator(fds)) {
        auto const target = fs::read_symlink(entry.path()).string();
        EXPECT_TRUE(target == "/dev/null" || target == path() || entry.path().filename() == "0")
            << entry.path() << " " << target;
    }
}

TEST_F(GuardianTest, WaitsForEverybodyWhoHoldsTheDirectory) {
    auto hold = hold_what_a_killed_owner_leaves();
    poll_events({}, std::chrono::milliseconds(100));  // it has the time to do what it must not
    EXPECT_TRUE(fs::exists(path()));
    EXPECT_EQ(children().size(), 1U);
    hold.reset();
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, DoesNotWaitForOneThatHangs) {
    auto const hold = hold_what_a_killed_owner_leaves();
    wait_for_the_end_of_all_children();
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, KillsWhatStillCarriesTheMarkOfTheJob) {
    auto ours = process_of(name);
    auto other = process_of(std::string(name) + "2");
    owner_that_is_killed();
    EXPECT_EQ(ours.wait().signal, SIGKILL);
    auto const now = children();
    for (pid_t const pid : now) {
        if (pid != other.pid()) ::waitpid(pid, nullptr, 0);  // the guardian
    }
    EXPECT_FALSE(other.try_wait().has_value());
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, SendsTheLastWillOfAKilledOwner) {
    Server const server;
    std::string const words("a\0b\xff", 4);
    owner_that_is_killed([&](auto& scratch) { leave_will(scratch, server, words); });
    wait_for_the_end_of_all_children();
    EXPECT_EQ(server.heard(), words);
    EXPECT_EQ(server.heard(), "nothing") << "once is enough";
}

TEST_F(GuardianTest, SendsNothingWhenSomebodyElseHasTakenTheRightToSpeak) {
    Server const server;
    owner_that_is_killed([&](auto& scratch) {
        leave_will(scratch, server, "word");
        if (!claim_last_will(scratch.path()) || claim_last_will(scratch.path())) ::_exit(2);
    });
    wait_for_the_end_of_all_children();
    EXPECT_EQ(server.heard(), "nothing");
}

TEST_F(GuardianTest, SendsNothingForAnOwnerThatLeavesInOrder) {
    Server const server;
    {
        ScratchDirectory const scratch(name, bases());
        leave_will(scratch, server, "word");
    }
    EXPECT_EQ(server.heard(), "nothing");
}

}  // namespace
}  // namespace reprise
