#include "reprise/system/kept_sockets.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "reprise/system/poller.hpp"
#include "reprise/system/tcp.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

/// A process that connects to us, offers its connections and is killed.
class KeptSocketsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        keeper_.emplace();
        auto const ready = make_pipe();
        pid_t const child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto const connection = connect_tcp("127.0.0.1", listener_.port(), milliseconds(5000));
            if (offers_) SocketOffer(keeper_->other_end().get()).hand_over();
            (void)!::write(ready.write_end.get(), "x", 1);
            ::pause();
        }
        keeper_->other_end().close();
        char byte = 0;
        ASSERT_EQ(::read(ready.read_end.get(), &byte, 1), 1);
        connection_ = listener_.accept();
        ASSERT_TRUE(connection_);
        if (grabs_) keeper_->grab(child);
        keeper_->take();
        ::kill(child, SIGKILL);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    }

    /// The other end is closed. @param limit how long to wait for it
    [[nodiscard]] bool hung_up(milliseconds limit) const {
        pollfd entry{connection_.get(), POLLIN | POLLRDHUP, 0};
        return poll_events({&entry, 1}, limit) == 1;
    }
    [[nodiscard]] std::string port() const { return std::to_string(listener_.port()); }

    bool offers_ = true;
    bool grabs_ = false;
    TcpListener listener_;
    std::optional<SocketKeeper> keeper_;
    Fd connection_;
};

class NothingKeptTest : public KeptSocketsTest {
  protected:
    NothingKeptTest() { offers_ = false; }
};

TEST_F(NothingKeptTest, AConnectionEndsWithItsProcess) { EXPECT_TRUE(hung_up(milliseconds(5000))); }

TEST_F(KeptSocketsTest, AConnectionThatIsKeptOutlivesItsProcess) {
    EXPECT_FALSE(hung_up(milliseconds(20)));
    keeper_.reset();
    EXPECT_TRUE(hung_up(milliseconds(5000)));
}

class GrabbedSocketsTest : public KeptSocketsTest {
  protected:
    GrabbedSocketsTest() {
        offers_ = false;
        grabs_ = true;
    }
};

TEST_F(GrabbedSocketsTest, AParentCanTakeThemItself) {
    keeper_->grab(::getpid());  // nothing twice, and nothing wrong with strangers' sockets
    EXPECT_EQ(keeper_->connected_to(port()).size(), 1U);
    EXPECT_FALSE(hung_up(milliseconds(20)));
}

TEST_F(KeptSocketsTest, OneFindsThoseThatLeadToAPort) {
    EXPECT_EQ(keeper_->connected_to("1 " + port() + " 2").size(), 1U);
    EXPECT_TRUE(keeper_->connected_to("1 2").empty());
    EXPECT_TRUE(keeper_->connected_to("").empty());
}

TEST_F(KeptSocketsTest, OneThatIsLeftBehindEndsWhenTheOtherEndIsClosed) {
    keep_open_beyond_our_end(keeper_->connected_to(port()));
    keeper_.reset();
    EXPECT_FALSE(hung_up(milliseconds(20)));
    connection_ = Fd();
    int status = -1;
    EXPECT_GT(::waitpid(-1, &status, 0), 0);  // within ten seconds it ends anyway
    EXPECT_EQ(status, 0);
}

TEST(SocketOfferTest, WithoutAKeeperNothingHappens) { SocketOffer(-1).hand_over(); }

TEST(TcpTest, NobodyAnswersAtAClosedPort) {
    int port = 0;
    {
        TcpListener const listener;
        port = listener.port();
    }
    EXPECT_FALSE(connect_tcp("127.0.0.1", port, milliseconds(1000)));
    EXPECT_FALSE(connect_tcp("no address", port, milliseconds(1000)));
}

TEST(TcpTest, SmallWritesOfAnotherLibrarysSocketLeaveAtOnce) {
    Fd const other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Fd const datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int at_once = -1;
    socklen_t length = sizeof at_once;
    ASSERT_EQ(::getsockopt(other.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, &length), 0);
    ASSERT_EQ(at_once, 0);
    send_small_writes_at_once();
    ASSERT_EQ(::getsockopt(other.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, &length), 0);
    EXPECT_NE(at_once, 0);
}

TEST(TcpTest, ThisHostHasAddressesAndLoopbackComesLast) {
    auto const addresses = own_addresses();
    ASSERT_FALSE(addresses.empty());
    TcpListener listener;
    EXPECT_TRUE(connect_tcp(addresses.front(), listener.port(), milliseconds(5000)));
}

}  // namespace
}  // namespace reprise
