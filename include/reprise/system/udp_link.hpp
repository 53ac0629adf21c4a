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

/// A UDP socket connected to one address of the server. A host name may stand for several; IPv4
/// ones come first (cluster_utils 3.0.0 listens on IPv4 only), and one that refuses a datagram is
/// left for the next.
class UdpLink final : public ServerLink {
  public:
    /// Resolves the host: a name, an IPv4 or an IPv6 address (without brackets). Throws Error of
    /// kind unreachable that names the host.
    UdpLink(std::string const& host, int port);

    bool send(std::span<std::byte const> datagram) override;

  private:
    struct Address {
        int family = 0;
        sockaddr_storage storage{};
        socklen_t length = 0;
    };

    [[nodiscard]] bool connect_to(std::size_t index) noexcept;
    [[nodiscard]] bool send_here(std::span<std::byte const> datagram) noexcept;

    std::vector<Address> addresses_;
    std::size_t current_ = 0;
    Fd socket_;
};

}  // namespace reprise
