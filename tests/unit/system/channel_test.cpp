#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/local_channel.hpp"
#include "reprise/system/poller.hpp"
#include "support/forked.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

class ChannelTest : public ::testing::Test {
  protected:
    ChannelTest()
        : name_("test-" + std::to_string(::getpid()) + "-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()),
          listener_(name_) {}

    Channel accept() {
        int const fd = listener_.fd();
        EXPECT_FALSE(wait_readable({&fd, 1}, 20s).empty());
        auto channel = listener_.accept();
        EXPECT_TRUE(channel);
        return std::move(channel.value());
    }

    /// Sleeps until the next message or the end.
    static std::optional<std::string> next(Channel& channel) {
        while (true) {
            if (auto message = channel.receive()) return message;
            if (channel.closed()) return std::nullopt;
            int const fd = channel.fd();
            if (wait_readable({&fd, 1}, 20s).empty()) return "nothing came";
        }
    }

    /// A peer that does not keep to the format.
    [[nodiscard]] Fd connect_raw() const {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto const full = "reprise-chan-" + name_;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        full.copy(address.sun_path + 1, full.size());
        auto const length =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + full.size());
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        return fd;
    }
    static void write_raw(Fd const& fd, std::string const& bytes) {
        EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }

    std::string name_;
    ChannelListener listener_;
};

TEST_F(ChannelTest, MessagesArriveInOrderBothWays) {
    auto client = Channel::connect(name_);
    auto server = accept();
    EXPECT_TRUE(client.send("one"));
    EXPECT_TRUE(client.send(""));
    EXPECT_TRUE(client.send(std::string("a\0b", 3)));
    EXPECT_EQ(next(server), "one");
    EXPECT_EQ(next(server), "");
    EXPECT_EQ(next(server), std::string("a\0b", 3));
    EXPECT_TRUE(server.send("back"));
    EXPECT_EQ(next(client), "back");
    EXPECT_FALSE(client.receive());
    EXPECT_FALSE(client.closed());
}

TEST_F(ChannelTest, LargestMessageIsCarriedPiecewise) {
    auto client = Channel::connect(name_);
    auto server = accept();
    std::string const large(max_channel_message, 'x');
    EXPECT_TRUE(client.send(large));
    std::optional<std::string> received;
    while (!received) {
        client.flush();
        received = server.receive();
    }
    EXPECT_EQ(*received, large);
    EXPECT_THROW(client.send(large + "x"), ContractViolation);
}

TEST_F(ChannelTest, PeerThatDoesNotReadCannotBlockUs) {
    auto client = Channel::connect(name_);
    auto server = accept();
    std::string const large(max_channel_message, 'x');
    int sent = 0;
    while (client.send(large)) ++sent;
    EXPECT_GE(sent, 7);
    EXPECT_TRUE(client.flush());
}

TEST_F(ChannelTest, DeathOfThePeerIsTheEndAfterItsLastMessage) {
    pid_t const peer = test::run_forked([&] {
        auto channel = Channel::connect(name_);
        channel.send("last words");
        return ::kill(::getpid(), SIGKILL);
    });
    auto server = accept();
    EXPECT_EQ(next(server), "last words");
    EXPECT_FALSE(next(server));
    EXPECT_TRUE(server.closed());
    EXPECT_FALSE(server.send("anybody?"));
    EXPECT_EQ(test::status_of(peer), SIGKILL);
}

TEST_F(ChannelTest, HalfAMessageBeforeTheEndIsDropped) {
    auto raw = connect_raw();
    auto server = accept();
    write_raw(raw, std::string("RPC1\x05\0\0\0abc", 11));
    raw.close();
    EXPECT_FALSE(next(server));
    EXPECT_TRUE(server.closed());
}

TEST_F(ChannelTest, OversizeIsRefused) {
    auto const raw = connect_raw();
    auto server = accept();
    write_raw(raw, std::string("RPC1\x01\0\x10\0", 8));
    EXPECT_THROW((void)next(server), Error);
    EXPECT_TRUE(server.closed());
    EXPECT_FALSE(server.receive());
}

TEST_F(ChannelTest, GarbageIsRefusedAtTheFirstWrongByte) {
    auto const raw = connect_raw();
    auto server = accept();
    write_raw(raw, "RPX");
    EXPECT_THROW((void)next(server), Error);
    EXPECT_TRUE(server.closed());
}

TEST_F(ChannelTest, NameCanBeTakenOnce) {
    EXPECT_THROW(ChannelListener second(name_), Error);
    EXPECT_FALSE(listener_.accept());
}

TEST_F(ChannelTest, NobodyThereIsAnError) {
    try {
        (void)Channel::connect(name_ + "-none");
        FAIL();
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::not_found);
    }
}

TEST_F(ChannelTest, AnotherUserIsSentAway) {
    pid_t const stranger = test::run_forked([&] {
        // Only root can be somebody else; for others there is nobody to try it with.
        if (::geteuid() != 0) return 0;
        if (::setuid(65534) != 0) return 3;
        try {
            (void)Channel::connect(name_);
        } catch (Error const& error) {
            return error.kind() == Error::Kind::permission ? 0 : 2;
        }
        return 1;
    });
    EXPECT_EQ(test::status_of(stranger), 0);
    EXPECT_FALSE(listener_.accept());
}

}  // namespace
}  // namespace reprise
