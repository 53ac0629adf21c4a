#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "abstract_address.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/local_channel.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

constexpr std::string_view frame_magic = "RPC1";
constexpr std::size_t header_size = 8;

std::string frame_header(std::size_t length) {
    std::string header(frame_magic);
    for (unsigned shift = 0; shift < 32; shift += 8) {
        header += static_cast<char>((length >> shift) & 0xFFU);
    }
    return header;
}

/// Length in a frame's header. Expects header_size bytes.
std::size_t frame_length(std::string_view header) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        length |= static_cast<std::size_t>(static_cast<unsigned char>(header[4 + i])) << (8 * i);
    }
    return length;
}

std::string socket_name(std::string const& name) { return "reprise-chan-" + name; }

Fd stream_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw posix_error(errno, "make", "a local socket");
    return fd;
}

bool is_own_user(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.uid == ::geteuid();
}

}  // namespace

Channel::Channel(Fd fd) noexcept : fd_(std::move(fd)) {}

Channel Channel::connect(std::string const& name) {
    REPRISE_EXPECT(!name.empty() && name.size() <= max_channel_name);
    auto fd = stream_socket();
    AbstractAddress const address(socket_name(name));
    // A Unix socket connects at once or not at all; EAGAIN means that too many knock.
    if (::connect(fd.get(), address.get(), address.length) != 0) {
        if (errno == ECONNREFUSED) {
            throw Error(Error::Kind::not_found, "connect to channel", name, "nobody listens there");
        }
        throw posix_error(errno, "connect to channel", name);
    }
    if (!is_own_user(fd.get())) {
        throw Error(Error::Kind::permission, "connect to channel", name,
                    "it belongs to another user");
    }
    return Channel(std::move(fd));
}

bool Channel::send(std::string_view message) {
    REPRISE_EXPECT(message.size() <= max_channel_message);
    if (!fd_ || peer_gone_) return false;
    if (queued_.size() + header_size + message.size() > max_channel_backlog) {
        flush();
        if (queued_.size() + header_size + message.size() > max_channel_backlog) return false;
    }
    queued_ += frame_header(message.size());
    queued_ += message;
    flush();
    return !peer_gone_;
}

bool Channel::flush() {
    std::size_t sent = 0;
    while (fd_ && sent < queued_.size()) {
        auto const count =
            ::send(fd_.get(), queued_.data() + sent, queued_.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == ENOBUFS)) break;
        if (count < 0) {
            // What the peer sent before it went can still be read; closed_ comes with its end.
            peer_gone_ = true;
            queued_.clear();
            return false;
        }
        sent += static_cast<std::size_t>(count);
    }
    queued_.erase(0, sent);
    return !queued_.empty();
}

bool Channel::read_some() {
    std::array<char, 65536> buffer{};
    while (true) {
        auto const count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return false;
        if (count <= 0) {  // the end, or ECONNRESET
            peer_gone_ = true;
            closed_ = true;
            fd_ = Fd();
            return false;
        }
        received_.append(buffer.data(), static_cast<std::size_t>(count));
        return true;
    }
}

std::optional<std::string> Channel::take_message() {
    auto const seen = std::min(received_.size(), frame_magic.size());
    bool const garbage = std::string_view(received_).substr(0, seen) != frame_magic.substr(0, seen);
    if (!garbage && received_.size() < header_size) return std::nullopt;
    auto const length = garbage ? 0 : frame_length(received_);
    if (garbage || length > max_channel_message) {
        closed_ = true;
        peer_gone_ = true;
        fd_ = Fd();
        received_.clear();
        throw Error(Error::Kind::corrupt, "read", "a message from a local process",
                    garbage ? "it does not begin like one of ours"
                            : "its length is given as " + std::to_string(length) + " bytes");
    }
    if (received_.size() < header_size + length) return std::nullopt;
    auto message = received_.substr(header_size, length);
    received_.erase(0, header_size + length);
    return message;
}

std::optional<std::string> Channel::receive() {
    while (true) {
        if (auto message = take_message()) return message;
        if (!fd_ || !read_some()) {
            if (closed_) received_.clear();  // a message that its sender did not live to finish
            return std::nullopt;
        }
    }
}

ChannelListener::ChannelListener(std::string const& name) : name_(name), fd_(stream_socket()) {
    REPRISE_EXPECT(!name.empty() && name.size() <= max_channel_name);
    constexpr int max_waiting = 64;
    AbstractAddress const address(socket_name(name));
    if (::bind(fd_.get(), address.get(), address.length) != 0 ||
        ::listen(fd_.get(), max_waiting) != 0) {
        throw posix_error(errno, "listen on channel", name, "Is this job running twice?");
    }
}

std::optional<Channel> ChannelListener::accept() {
    while (true) {
        Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (!fd && errno == EAGAIN) return std::nullopt;
        if (!fd) throw posix_error(errno, "accept on channel", name_);
        if (is_own_user(fd.get())) return Channel(std::move(fd));
    }
}

}  // namespace reprise
