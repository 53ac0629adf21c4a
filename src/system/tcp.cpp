#include "reprise/system/tcp.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
#include <system_error>

#include "reprise/system/poller.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

constexpr int max_waiting = 1024;

void set_option(int socket, int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
}

/// A host that lost its power says nothing, so it is asked.
void watch_for_death(int socket) {
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
}

Fd stream_socket(int family) {
    return Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// IPv6 with IPv4 in it, or IPv4 alone where the kernel has no IPv6.
Fd bound_socket() {
    Fd both = stream_socket(AF_INET6);
    if (both) {
        set_option(both.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        any.sin6_addr = IN6ADDR_ANY_INIT;
        if (::bind(both.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any) == 0) {
            return both;
        }
    }
    Fd old = stream_socket(AF_INET);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    if (!old || ::bind(old.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any) != 0) {
        throw posix_error(errno, "make", "a TCP socket");
    }
    return old;
}

int port_of(int socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        throw posix_error(errno, "find the port of", "a TCP socket");
    }
    auto const port = address.ss_family == AF_INET6
                          ? reinterpret_cast<sockaddr_in6 const*>(&address)->sin6_port
                          : reinterpret_cast<sockaddr_in const*>(&address)->sin_port;
    return ntohs(port);
}

bool is_link_local(sockaddr const* address) {
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<sockaddr_in6 const*>(address)->sin6_addr) != 0;
}

}  // namespace

TcpListener::TcpListener() : fd_(bound_socket()) {
    if (::listen(fd_.get(), max_waiting) != 0) throw posix_error(errno, "listen on", "a TCP port");
    port_ = port_of(fd_.get());
}

Fd TcpListener::accept() {
    while (true) {
        Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd) watch_for_death(fd.get());
        return fd;
    }
}

std::vector<std::string> own_addresses() {
    ifaddrs* found = nullptr;
    if (::getifaddrs(&found) != 0) throw posix_error(errno, "list", "the network interfaces");
    std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> const owner(found, &::freeifaddrs);
    std::vector<std::string> outward;
    std::vector<std::string> loopback;
    for (auto const* entry = found; entry != nullptr; entry = entry->ifa_next) {
        auto const* const address = entry->ifa_addr;
        if (address == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
        bool const old = address->sa_family == AF_INET;
        if (!old && address->sa_family != AF_INET6) continue;
        if (is_link_local(address)) continue;
        char text[NI_MAXHOST];
        auto const length =
            static_cast<socklen_t>(old ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        if (::getnameinfo(address, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
            continue;
        }
        auto& list = (entry->ifa_flags & IFF_LOOPBACK) != 0 ? loopback : outward;
        list.emplace_back(text);
    }
    outward.insert(outward.end(), loopback.begin(), loopback.end());
    return outward;
}

Fd connect_tcp(std::string const& address, int port, Duration limit) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
        return {};
    }
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> const owner(found, &::freeaddrinfo);
    Fd fd = stream_socket(found->ai_family);
    if (!fd) return {};
    if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return {};
        pollfd entry{fd.get(), POLLOUT, 0};
        int error = 0;
        socklen_t size = sizeof error;
        if (poll_events({&entry, 1}, limit) == 0) return {};
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return {};
    }
    watch_for_death(fd.get());
    return fd;
}

void send_small_writes_at_once() {
    std::error_code error;  // ends the loop
    std::filesystem::directory_iterator entry("/proc/self/fd", error);
    for (; entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        auto const name = entry->path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // refused by all that is no TCP socket
    }
}

}  // namespace reprise
