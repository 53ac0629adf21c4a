/// @file Messages between processes of one user on one host, through Unix sockets in the abstract
/// namespace (unix(7)): nothing on disk, nothing left when the processes are gone. A Channel works
/// over TCP as well.
///
/// Frame: the four bytes "RPC1", the length of the message as 32 bits little-endian, the message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reprise/system/fd.hpp"

namespace reprise {

/// Largest message that a Channel takes, in bytes.
inline constexpr std::size_t max_channel_message = 1U << 20U;
/// Largest amount that waits in a Channel for a peer that does not read, in bytes.
inline constexpr std::size_t max_channel_backlog = 8U << 20U;
/// Longest name of a ChannelListener, in bytes.
inline constexpr std::size_t max_channel_name = 90;

/// One end of a stream of messages. Never blocks.
class Channel {
  public:
    /// Connects to the listener of that name. Throws Error: not_found when nobody listens,
    /// permission when the listener belongs to another user.
    [[nodiscard]] static Channel connect(std::string const& name);

    /// Over a connected stream socket that does not block, of any kind: see tcp.hpp.
    [[nodiscard]] static Channel over(Fd connected) { return Channel(std::move(connected)); }

    /// Readable (poll) when a message, part of one or the peer's end has arrived.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Queues a message and sends as much as the peer takes. Returns false when the peer has gone
    /// or its backlog is full (the message is dropped). Expects at most max_channel_message bytes.
    bool send(std::string_view message);
    /// Sends more of what is queued. Poll for POLLOUT while it returns true: something still waits.
    bool flush();

    /// The next whole message, or nothing (so far, or for ever: see closed()). Throws Error of kind
    /// corrupt, and closes, when the bytes are no frame or the message is too large.
    [[nodiscard]] std::optional<std::string> receive();
    /// The peer has gone, and all that it sent was received.
    [[nodiscard]] bool closed() const noexcept { return closed_; }

  private:
    friend class ChannelListener;
    explicit Channel(Fd fd) noexcept;
    [[nodiscard]] std::optional<std::string> take_message();
    bool read_some();

    Fd fd_;
    std::string received_;  ///< bytes of frames that are not complete
    std::string queued_;    ///< bytes that the peer has not taken
    bool peer_gone_ = false;
    bool closed_ = false;
};
static_assert(std::is_nothrow_move_constructible_v<Channel>);

/// Waits for peers under a name. Only processes of the same user are let in.
class ChannelListener {
  public:
    /// Throws Error: busy when the name is taken. Expects at most max_channel_name bytes.
    explicit ChannelListener(std::string const& name);

    /// Readable (poll) when somebody knocks.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The next peer, or nothing. Another user's process is sent away silently. Never blocks.
    [[nodiscard]] std::optional<Channel> accept();

  private:
    std::string name_;
    Fd fd_;
};

}  // namespace reprise
