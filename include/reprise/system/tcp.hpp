/// @file TCP between hosts of one cluster job, for Channels (local_channel.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/doors.hpp"
#include "reprise/system/fd.hpp"

namespace reprise {

/// Listens on every address of this host, on a port that the kernel chooses. Anybody may knock, so
/// whoever uses it asks for a secret.
class TcpListener {
  public:
    /// Throws Error.
    TcpListener();

    /// Readable (poll) when somebody knocks.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] int port() const noexcept { return port_; }
    /// The next connection, ready for a Channel, or an Fd that owns nothing. Never blocks.
    [[nodiscard]] Fd accept();

  private:
    Fd fd_;
    int port_ = 0;
};

/// Numeric addresses of this host's interfaces that are up; loopback ones last, link-local ones of
/// IPv6 left out. Throws Error.
[[nodiscard]] std::vector<std::string> own_addresses();

/// Connects to a numeric address, ready for a Channel; an Fd that owns nothing when nobody answers
/// within the limit. Blocks. The connection ends by itself some 25 s after the other host has died.
[[nodiscard]] Fd connect_tcp(std::string const& address, int port, Duration limit);

/// Sets TCP_NODELAY for every TCP socket that this process has, whichever library opened it.
void send_small_writes_at_once();

}  // namespace reprise
