#include "reprise/system/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "reprise/system/poller.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

TEST(SignalFdTest, SignalIsReadInsteadOfDelivered) {
    SignalFd signals({SIGTERM, SIGUSR1});
    EXPECT_FALSE(signals.read());
    ::kill(::getpid(), SIGUSR1);
    int const fd = signals.fd();
    EXPECT_EQ(wait_readable({&fd, 1}, 20s).size(), 1U);
    auto const received = signals.read();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->number, SIGUSR1);
    EXPECT_EQ(received->sender, ::getpid());
    EXPECT_FALSE(signals.read());
}

TEST(SignalFdTest, AThreadThatWasThereBeforeHandsItsSignalOn) {
    std::promise<void> over;
    std::jthread other([end = over.get_future()] { end.wait(); });
    {
        SignalFd signals({SIGUSR1});
        EXPECT_EQ(::pthread_kill(other.native_handle(), SIGUSR1), 0);
        pollfd fd{signals.fd(), POLLIN, 0};
        poll_events({&fd, 1}, 10s);
        auto const received = signals.read().value_or(ReceivedSignal{});
        EXPECT_EQ(received.number, SIGUSR1);
        EXPECT_EQ(received.sender, ::getpid());
        EXPECT_FALSE(signals.read().has_value());
    }
    struct sigaction action {};
    EXPECT_EQ(::sigaction(SIGUSR1, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
    over.set_value();
}

TEST(SignalFdTest, AnIgnoredSignalStaysIgnored) {
    auto* const former = std::signal(SIGHUP, SIG_IGN);  // as nohup does
    SignalFd signals({SIGHUP, SIGUSR1});
    ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
    ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
    auto const first = signals.read();
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->number, SIGUSR1);
    EXPECT_FALSE(signals.read().has_value());
    std::signal(SIGHUP, former);
}

TEST(SignalFdTest, FormerMaskComesBackAndPendingSignalsAreDropped) {
    {
        SignalFd const signals({SIGTERM});
        ::kill(::getpid(), SIGTERM);
    }
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    EXPECT_EQ(::sigismember(&now, SIGTERM), 0);
}

}  // namespace
}  // namespace reprise
