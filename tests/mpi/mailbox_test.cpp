#include "reprise/mpi/mailbox.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "mpi/test_session.hpp"
#include "reprise/commands/rank_loop.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

using testing::test_session;

/// A token that all ranks share and no other test run has, not even one with the same process
/// number in another PID namespace.
std::string shared_token() {
    std::string token = "mailbox_test." + std::to_string(std::random_device{}());
    boost::mpi::broadcast(test_session().world(), token, 0);
    return token;
}

class MailboxTest : public ::testing::Test {
  protected:
    /// Waits for one message; the test's time limit is the limit.
    RankMessage next() {
        for (;;) {
            if (auto message = mailbox_.receive()) return *message;
            mailbox_.sending();
            poll_events({}, std::chrono::milliseconds(1));
        }
    }
    void finish() {
        while (mailbox_.sending()) poll_events({}, std::chrono::milliseconds(1));
        test_session().world().barrier();
        EXPECT_FALSE(mailbox_.receive().has_value()) << "a message too many";
        test_session().world().barrier();
    }

    int pokes_ = 0;
    MpiMailbox mailbox_{test_session(), [this](int) { ++pokes_; }};
};

TEST_F(MailboxTest, MessagesOfARankArriveInOrder) {
    constexpr int count = 50;
    if (mailbox_.rank() != 0) {
        for (int i = 0; i < count; ++i) mailbox_.send(0, std::to_string(i));
        EXPECT_EQ(pokes_, count);
    } else {
        std::map<int, int> expected;
        for (int i = 0; i < count * (mailbox_.size() - 1); ++i) {
            auto const message = next();
            EXPECT_EQ(message.bytes, std::to_string(expected[message.rank]++));
        }
    }
    finish();
}

TEST_F(MailboxTest, LargeAndEmptyMessagesSurvive) {
    // Above every eager limit: these need both sides to make progress.
    std::string large(5'000'000, 'x');
    for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>(i / 1000);
    if (mailbox_.rank() == 0) {
        for (int rank = 1; rank < mailbox_.size(); ++rank) {
            mailbox_.send(rank, large);
            mailbox_.send(rank, "");
        }
    } else {
        EXPECT_EQ(next().bytes, large);
        EXPECT_EQ(next().bytes, "");
    }
    finish();
}

TEST_F(MailboxTest, ReceivingWithoutAMessageDoesNotBlock) {
    EXPECT_FALSE(mailbox_.receive().has_value());
    finish();
}

TEST(RankPostTest, ASleepingRankIsWokenByItsMessage) {
    RankPost post(test_session(), shared_token(), "same-host");
    SystemClock const clock;
    constexpr int rounds = 20;
    auto const begin = clock.now();
    for (int round = 0; round < rounds; ++round) {
        if (post.rank() == 0) {
            for (int rank = 1; rank < post.size(); ++rank) {
                post.send(rank, StopOrder{{round, 0, 0, 0}, StopReason::time_limit});
            }
            for (int answers = 1; answers < post.size();) {
                pollfd fd{post.wake_fd(), POLLIN, 0};
                poll_events({&fd, 1}, post.patience(clock.now()));
                post.awake(clock.now());
                while (post.receive()) ++answers;
            }
        } else {
            std::optional<RankMessage> message;
            while (!(message = post.receive())) {
                pollfd fd{post.wake_fd(), POLLIN, 0};
                poll_events({&fd, 1}, post.patience(clock.now()));
                post.awake(clock.now());
            }
            auto const stop = std::get<StopOrder>(decode_payload(message->bytes));
            EXPECT_EQ(stop.key.learning_run, round);
            post.send(0, Dismissal{});
        }
    }
    post.flush(std::chrono::seconds(5));
    // Without wake-ups each round would sleep for the backstop of two seconds, twice.
    EXPECT_LT(clock.now() - begin, std::chrono::seconds(rounds));
    test_session().world().barrier();
}

TEST(RankPostTest, MessagesFromOtherHostsAreLookedForAllTheLessTheLongerThereWasNone) {
    using std::chrono::milliseconds;
    auto const& session = test_session();
    if (session.world().size() == 1) return;
    RankPost post(session, shared_token(), "host" + std::to_string(session.world().rank()));
    TimePoint const begin{std::chrono::hours(1)};
    post.awake(begin);
    int const next = (post.rank() + 1) % post.size();
    post.send(next, Dismissal{});
    while (!post.receive()) poll_events({}, milliseconds(1));
    post.flush(std::chrono::seconds(5));
    auto const soon = begin + std::chrono::seconds(1);  // the time of pokes is over
    EXPECT_EQ(post.patience(begin + milliseconds(30)), milliseconds(10));
    EXPECT_EQ(post.patience(begin + milliseconds(400)), milliseconds(100));
    EXPECT_EQ(post.patience(soon), milliseconds(200));
    EXPECT_EQ(post.patience(begin + std::chrono::hours(9)), milliseconds(200));
    session.world().barrier();
}

TEST(MpiSessionTest, EveryRankKnowsAllHosts) {
    auto const& session = test_session();
    auto const hosts = session.hosts("host" + std::to_string(session.world().rank()));
    ASSERT_EQ(hosts.size(), static_cast<std::size_t>(session.world().size()));
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
        EXPECT_EQ(hosts[rank], "host" + std::to_string(rank));
    }
}

}  // namespace
}  // namespace reprise
