#include "reprise/system/poller.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "reprise/core/contract.hpp"
#include "reprise/system/fd.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

TEST(PollerTest, TellsWhichDescriptorIsReady) {
    auto const quiet = make_pipe();
    auto const loud = make_pipe();
    ASSERT_EQ(::write(loud.write_end.get(), "x", 1), 1);
    int const fds[] = {quiet.read_end.get(), -1, loud.read_end.get()};
    EXPECT_EQ(wait_readable(fds, std::nullopt), std::vector{loud.read_end.get()});
}

TEST(PollerTest, HangUpCountsAsReadable) {
    auto pipe = make_pipe();
    pipe.write_end.close();
    int const fd = pipe.read_end.get();
    EXPECT_EQ(wait_readable({&fd, 1}, 20s).size(), 1U);
}

TEST(PollerTest, TimeoutEndsTheSleep) {
    auto const pipe = make_pipe();
    int const fd = pipe.read_end.get();
    auto const begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(wait_readable({&fd, 1}, 20ms).empty());
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST(PollerTest, InterruptionDoesNotEndTheSleep) {
    struct sigaction action {};
    struct sigaction former {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR2, &action, &former);
    auto const pipe = make_pipe();
    int const fd = pipe.read_end.get();
    auto const sleeper = ::pthread_self();
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) ::pthread_kill(sleeper, SIGUSR2);
        EXPECT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
    });
    EXPECT_EQ(wait_readable({&fd, 1}, std::nullopt).size(), 1U);
    other.join();
    ::sigaction(SIGUSR2, &former, nullptr);
}

TEST(PollerTest, ClosedDescriptorIsABug) {
    int const closed = 999999;
    EXPECT_THROW((void)wait_readable({&closed, 1}, 0s), ContractViolation);
}

}  // namespace
}  // namespace reprise
