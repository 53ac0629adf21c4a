#include "reprise/system/udp_link.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {

namespace {

constexpr char const* network_remedy = "Check the name and the network of this machine.";

std::string numeric(SocketAddress const& address) {
    char host[NI_MAXHOST] = "?";
    ::getnameinfo(reinterpret_cast<sockaddr const*>(&address.storage), address.length, host,
                  sizeof host, nullptr, 0, NI_NUMERICHOST);
    return host;
}

}  // namespace

std::vector<SocketAddress> resolve_udp(std::string const& host, int port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    int const failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> const owner(found, &::freeaddrinfo);
    if (failure != 0) {
        throw Error(Error::Kind::unreachable, "find the cluster_utils server's host", host,
                    ::gai_strerror(failure), network_remedy);
    }
    std::vector<SocketAddress> addresses;
    for (auto const* entry = found; entry != nullptr; entry = entry->ai_next) {
        SocketAddress address;
        if (entry->ai_addrlen > sizeof address.storage) continue;
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.length = entry->ai_addrlen;
        addresses.push_back(address);
    }
    std::stable_partition(addresses.begin(), addresses.end(), [](SocketAddress const& address) {
        return address.storage.ss_family == AF_INET;
    });
    return addresses;
}

UdpLink::UdpLink(std::string const& host, int port) : UdpLink(resolve_udp(host, port)) {}

UdpLink::UdpLink(std::vector<SocketAddress> addresses) : addresses_(std::move(addresses)) {
    REPRISE_EXPECT(!addresses_.empty());
    for (current_ = 0; current_ < addresses_.size(); ++current_) {
        if (connect_to(current_)) return;
    }
    throw Error(Error::Kind::unreachable, "reach the cluster_utils server's host",
                numeric(addresses_.front()), text_of_errno(errno), network_remedy);
}

bool UdpLink::connect_to(std::size_t index) noexcept {
    auto const& address = addresses_[index];
    socket_ = Fd(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket_ && ::connect(socket_.get(), reinterpret_cast<sockaddr const*>(&address.storage),
                                address.length) == 0;
}

/// One try at the present address. On one host the refusal of a closed port is there when send()
/// returns, so it is asked for at once; from another host it comes with a later datagram.
bool UdpLink::send_here(std::span<std::byte const> datagram) noexcept {
    ssize_t sent = -1;
    for (int tries = 0; tries < 2 && sent < 0; ++tries) {
        // The first failure may be the refusal of an earlier datagram, then this one is still here.
        sent = ::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL);
    }
    int refused = 0;
    socklen_t size = sizeof refused;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &refused, &size);
    return sent == static_cast<ssize_t>(datagram.size()) && refused == 0;
}

bool UdpLink::send(std::span<std::byte const> datagram) {
    if (socket_ && send_here(datagram)) return true;
    for (std::size_t tried = 1; tried < addresses_.size(); ++tried) {
        current_ = (current_ + 1) % addresses_.size();
        if (connect_to(current_) && send_here(datagram)) return true;
    }
    return false;
}

}  // namespace reprise
