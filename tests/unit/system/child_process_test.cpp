#include "reprise/system/child_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/poller.hpp"
#include "support/announcements.hpp"
#include "support/forked.hpp"
#include "support/kill_one.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

ProcessSpec scripted(std::vector<std::string> words) {
    ProcessSpec spec;
    spec.argv = std::move(words);
    spec.argv.insert(spec.argv.begin(), REPRISE_SCRIPTED_CHILD);
    return spec;
}

/// Runs a command line of sh and returns what it prints.
std::string output_of(std::string const& command, ProcessSpec spec = {}) {
    auto pipe = make_pipe();
    spec.argv = {"sh", "-c", command};
    spec.stdout_fd = pipe.write_end.get();
    auto child = spawn(spec);
    pipe.write_end.close();
    std::string text;
    char buffer[1024];
    for (ssize_t n = 0; (n = ::read(pipe.read_end.get(), buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    EXPECT_TRUE(child.wait().succeeded());
    return text;
}

std::string error_of(ProcessSpec const& spec) {
    try {
        auto child = spawn(spec);
    } catch (Error const& error) {
        return error.what();
    }
    return "no error";
}

TEST(ChildProcessTest, ExitCodeIsReported) {
    auto child = spawn(scripted({"exit", "7"}));
    EXPECT_EQ(child.wait().exit_code, 7);
    EXPECT_EQ(child.wait().signal, 0);
    EXPECT_EQ(describe(child.wait()), "exit code 7");
}

TEST(ChildProcessTest, SignalIsReported) {
    auto child = spawn(scripted({"die", "9"}));
    EXPECT_EQ(child.wait().signal, SIGKILL);
    EXPECT_EQ(child.wait().exit_code, -1);
    EXPECT_FALSE(child.wait().succeeded());
    EXPECT_EQ(describe(child.wait()), "signal 9 (Killed)");
}

TEST(ChildProcessTest, PidfdWakesPollWhenTheChildEnds) {
    auto child = spawn(scripted({"stay"}));
    int const pidfd = child.pidfd();
    EXPECT_TRUE(wait_readable({&pidfd, 1}, 0s).empty());
    EXPECT_FALSE(child.try_wait());
    child.send_signal(SIGTERM);
    EXPECT_EQ(wait_readable({&pidfd, 1}, 20s), std::vector{pidfd});
    ASSERT_TRUE(child.try_wait());
    EXPECT_EQ(child.try_wait()->signal, SIGTERM);
}

TEST(ChildProcessTest, SignalAfterTheEndIsHarmless) {
    auto child = spawn(scripted({"exit", "0"}));
    child.wait();
    EXPECT_NO_THROW(child.send_signal(SIGKILL));
}

TEST(ChildProcessTest, UsageIsMeasured) {
    ProcessSpec spec;
    spec.argv = {"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"};
    auto child = spawn(spec);
    auto const status = child.wait();
    EXPECT_GT(status.cpu_s, 0.0005);
    EXPECT_GT(status.peak_memory_mb, 0.1);
}

TEST(ChildProcessTest, MissingProgramIsAnErrorThatNamesIt) {
    ProcessSpec spec;
    spec.argv = {"no_such_program"};
    EXPECT_NE(error_of(spec).find("cannot start 'no_such_program' (no such program on PATH"),
              std::string::npos)
        << error_of(spec);
    spec.argv = {"/no/such/program"};
    EXPECT_EQ(error_of(spec), "cannot start '/no/such/program' (No such file or directory).");
}

TEST(ChildProcessTest, MissingInterpreterIsTold) {
    test::PrivateFolder const folder;
    write_file(folder / "script", "#!/no/such/interpreter\n");
    ::chmod((folder / "script").c_str(), 0700);
    ProcessSpec spec;
    spec.argv = {folder / "script"};
    EXPECT_NE(error_of(spec).find("The interpreter that its first line names is missing."),
              std::string::npos)
        << error_of(spec);
}

TEST(ChildProcessTest, MissingDirectoryIsAnErrorThatNamesIt) {
    auto spec = scripted({"exit", "0"});
    spec.working_dir = "/no/such/folder";
    EXPECT_NE(error_of(spec).find("'/no/such/folder' (No such file or directory)"),
              std::string::npos)
        << error_of(spec);
}

TEST(ChildProcessTest, StartsInItsDirectoryWithItsEnvironment) {
    test::PrivateFolder const folder;
    ProcessSpec spec;
    spec.working_dir = folder.path();
    spec.environment = {"COLOUR=blue", "PATH=/usr/bin:/bin"};
    EXPECT_EQ(output_of("pwd; echo $COLOUR$HOME", spec), folder.path() + "\nblue\n");
}

TEST(ChildProcessTest, StdinIsEmptyUnlessGiven) { EXPECT_EQ(output_of("cat; echo end"), "end\n"); }

TEST(ChildProcessTest, OnlyNamedDescriptorsArePassedOn) {
    auto pipe = make_pipe();
    Fd const leaked(::fcntl(pipe.read_end.get(), F_DUPFD, 10));  // as a careless library would
    ProcessSpec spec;
    spec.extra_fds = {{pipe.write_end.get(), 5}};
    auto const asked = "for i in 3 4 5 6 7 8 9 " + std::to_string(leaked.get()) +
                       "; do [ -e /proc/self/fd/$i ] && echo $i; done; true";
    EXPECT_EQ(output_of(asked, spec), "5\n");
}

TEST(ChildProcessTest, DescriptorsMayTradePlaces) {
    auto first = make_pipe();
    auto second = make_pipe();
    int const a = first.write_end.get();
    int const b = second.write_end.get();
    ProcessSpec spec;
    spec.extra_fds = {{a, b}, {b, a}};
    output_of("echo to-a >&" + std::to_string(b) + "; echo to-b >&" + std::to_string(a), spec);
    char buffer[16] = {};
    EXPECT_EQ(::read(first.read_end.get(), buffer, sizeof buffer), 5);
    EXPECT_STREQ(buffer, "to-a\n");
}

TEST(ChildProcessTest, SignalMaskAndDispositionsAreReset) {
    sigset_t blocked;
    sigset_t former;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &former);
    auto* const handler = std::signal(SIGHUP, SIG_IGN);
    auto const status = output_of("grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\t'");
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    std::signal(SIGHUP, handler);
    EXPECT_EQ(status, "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
}

TEST(ChildProcessTest, SignalsOfTheSpecAreIgnoredAndBlocked) {
    ProcessSpec spec;
    spec.ignored_signals = {SIGUSR1};
    spec.blocked_signals = {SIGHUP, SIGTERM};
    EXPECT_EQ(output_of("grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\t'", spec),
              "SigBlk:0000000000004001\nSigIgn:0000000000000200\n");
}

TEST(ChildProcessTest, OwnSessionAndOwnGroup) {
    ProcessSpec spec;
    spec.group = ProcessGroup::own_session;
    EXPECT_EQ(
        output_of("set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 = $$ ] && echo yes", spec),
        "yes\n");
    spec.group = ProcessGroup::own_group;
    EXPECT_EQ(
        output_of("set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 != $$ ] && echo yes", spec),
        "yes\n");
}

TEST(ChildProcessTest, CpuListIsApplied) {
    auto const cpus = usable_cpus();
    ProcessSpec spec;
    spec.cpu_list = std::to_string(cpus.back());
    EXPECT_EQ(output_of("grep Cpus_allowed_list /proc/self/status | cut -f2", spec),
              std::to_string(cpus.back()) + "\n");
}

TEST(ChildProcessTest, DiesWithItsParentWhenAsked) {
    test::Announcements announcements;
    auto spec = scripted({"announce", announcements.path(), "child", "stay"});
    spec.parent_death_signal = SIGKILL;
    pid_t const parent = test::run_forked([&] {
        auto const child = spawn(spec);
        return ::pause() + child.pid();
    });
    ASSERT_EQ(announcements.wait_for(1).size(), 1U);
    testing::kill_one(parent, SIGKILL);
    EXPECT_EQ(test::status_of(parent), SIGKILL);
    EXPECT_TRUE(announcements.all_end());
}

TEST(ChildProcessTest, DestructorKillsAndReaps) {
    std::optional<ProcessId> id;
    {
        auto child = spawn(scripted({"ignore", "15", "stay"}));
        id = identify(child.pid());
        ASSERT_TRUE(id);
        EXPECT_TRUE(is_running(*id));
    }
    EXPECT_NE(identify(id->pid), id);
}

TEST(ChildProcessTest, ReapedBySomebodyElseIsAnUnknownEnd) {
    auto child = spawn(scripted({"exit", "0"}));
    ::waitpid(child.pid(), nullptr, 0);
    ASSERT_TRUE(child.try_wait());
    EXPECT_FALSE(child.try_wait()->succeeded());
    EXPECT_EQ(describe(*child.try_wait()), "unknown end");
}

}  // namespace
}  // namespace reprise
