/// @file Owner of one file descriptor, and the ways to get one that no child inherits.
#pragma once

#include <type_traits>

namespace reprise {

/// Owns a file descriptor. Not for use by several threads at once.
class Fd {
  public:
    Fd() noexcept = default;
    /// Takes ownership; -1 means none.
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(Fd const&) = delete;
    Fd& operator=(Fd const&) = delete;
    /// Closes without a word. Where a failing close loses data, call close() first.
    ~Fd();

    /// The descriptor, still owned here; -1: none.
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Hands the descriptor over to the caller.
    [[nodiscard]] int release() noexcept;
    /// Closes and throws Error when the system reports a failure (a disk that became full, say).
    /// Does nothing when there is no descriptor.
    void close();

  private:
    int fd_ = -1;
};
static_assert(std::is_nothrow_move_constructible_v<Fd> && std::is_nothrow_move_assignable_v<Fd>);

struct Pipe {
    Fd read_end;
    Fd write_end;
};

/// A pipe, both ends close-on-exec and blocking. Throws Error.
[[nodiscard]] Pipe make_pipe();

struct SocketPair {
    Fd ours;
    Fd theirs;
};

/// Two connected stream sockets, close-on-exec and blocking. Throws Error.
[[nodiscard]] SocketPair make_socket_pair();

/// Throws Error.
void set_close_on_exec(int fd);
/// Throws Error.
void set_non_blocking(int fd);

}  // namespace reprise
