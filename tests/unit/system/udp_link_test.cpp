#include "reprise/system/udp_link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "reprise/core/error.hpp"
#include "reprise/system/poller.hpp"

namespace reprise {
namespace {

using namespace std::chrono_literals;

/// Listens on a port that the system chose.
class Receiver {
  public:
    explicit Receiver(int family, int port = 0)
        : fd_(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address{};
        address.ss_family = static_cast<sa_family_t>(family);
        socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (family == AF_INET) {
            reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(static_cast<uint16_t>(port));
        } else {
            reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
        }
        EXPECT_EQ(::bind(fd_.get(), generic, length), 0);
        EXPECT_EQ(::getsockname(fd_.get(), generic, &length), 0);
        port_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                        : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    }
    [[nodiscard]] int port() const { return port_; }
    std::string receive() {
        int const fd = fd_.get();
        if (wait_readable({&fd, 1}, 20s).empty()) return "nothing";
        char buffer[1024];
        auto const count = ::recv(fd, buffer, sizeof buffer, 0);
        return {buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
    }

  private:
    Fd fd_;
    int port_ = 0;
};

bool send(UdpLink& link, std::string const& text) {
    return link.send(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(UdpLinkTest, DatagramArrivesWhole) {
    Receiver receiver(AF_INET);
    UdpLink link("127.0.0.1", receiver.port());
    std::string const text("a\0b", 3);
    EXPECT_TRUE(send(link, text));
    EXPECT_EQ(receiver.receive(), text);
}

TEST(UdpLinkTest, HostNameIsResolved) {
    Receiver receiver(AF_INET);
    UdpLink link("localhost", receiver.port());
    EXPECT_TRUE(send(link, "hello"));
    EXPECT_EQ(receiver.receive(), "hello");
}

TEST(UdpLinkTest, Ipv6IsSpoken) {
    Receiver receiver(AF_INET6);
    UdpLink link("::1", receiver.port());
    EXPECT_TRUE(send(link, "hello"));
    EXPECT_EQ(receiver.receive(), "hello");
}

TEST(UdpLinkTest, NobodyListeningIsNoError) {
    int const port = Receiver(AF_INET).port();  // free again
    UdpLink link("127.0.0.1", port);
    EXPECT_FALSE(send(link, "hello"));
    EXPECT_FALSE(send(link, "hello"));
}

TEST(UdpLinkTest, ServerThatComesLaterIsHeardOf) {
    int const port = Receiver(AF_INET).port();
    UdpLink link("127.0.0.1", port);
    EXPECT_FALSE(send(link, "lost"));
    Receiver receiver(AF_INET, port);
    EXPECT_TRUE(send(link, "hello"));
    EXPECT_EQ(receiver.receive(), "hello");
}

TEST(UdpLinkTest, AddressThatRefusesIsLeftForTheNext) {
    int const closed = Receiver(AF_INET).port();
    Receiver receiver(AF_INET6);
    UdpLink link(
        {resolve_udp("127.0.0.1", closed).front(), resolve_udp("::1", receiver.port()).front()});
    EXPECT_TRUE(send(link, "first"));
    EXPECT_TRUE(send(link, "second"));
    EXPECT_EQ(receiver.receive(), "first");
    EXPECT_EQ(receiver.receive(), "second");
}

TEST(UdpLinkTest, TooLargeADatagramIsRefused) {
    Receiver receiver(AF_INET);
    UdpLink link("127.0.0.1", receiver.port());
    EXPECT_FALSE(send(link, std::string(70000, 'x')));
    EXPECT_TRUE(send(link, "small"));
    EXPECT_EQ(receiver.receive(), "small");
}

TEST(UdpLinkTest, UnknownHostIsNamed) {
    try {
        UdpLink link("no-such-host.invalid", 5555);
        FAIL();
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::unreachable);
        EXPECT_NE(std::string(error.what()).find("'no-such-host.invalid'"), std::string::npos);
    }
}

}  // namespace
}  // namespace reprise
