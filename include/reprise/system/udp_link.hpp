/// @file Datagrams to the cluster_utils server.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reprise/core/doors.hpp"
#include "reprise/system/fd.hpp"

namespace reprise {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

/// The addresses of a host, a name, an IPv4 or an IPv6 address (without brackets), IPv4 ones first:
/// cluster_utils 3.0.0 listens on IPv4 only. Throws Error of kind unreachable that names the host.
[[nodiscard]] std::vector<SocketAddress> resolve_udp(std::string const& host, int port);

/// A UDP socket connected to one address of the server; one that refuses a datagram is left for
/// the next.
class UdpLink final : public ServerLink {
  public:
    /// To the host that resolve_udp() finds. Throws Error of kind unreachable that names it.
    UdpLink(std::string const& host, int port);
    /// To one of these addresses. Throws Error when this machine has no way to any of them.
    explicit UdpLink(std::vector<SocketAddress> addresses);

    bool send(std::span<std::byte const> datagram) override;

  private:
    [[nodiscard]] bool connect_to(std::size_t index) noexcept;
    [[nodiscard]] bool send_here(std::span<std::byte const> datagram) noexcept;

    std::vector<SocketAddress> addresses_;
    std::size_t current_ = 0;
    Fd socket_;
};

}  // namespace reprise
