/// @file Signals as events to read, instead of handlers that interrupt.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "reprise/system/fd.hpp"

namespace reprise {

struct ReceivedSignal {
    int number = 0;
    pid_t sender = 0;  ///< 0: the kernel, or a process outside our PID namespace
};

/// Blocks the given signals for this thread (and threads it starts later, so make it before
/// MPI_Init) and reads them. Threads that are there already, because a library has started them
/// before main (UCX does, which MPICH uses), hand theirs on. The destructor restores the former
/// mask; a signal that is pending then is dropped, not delivered. At most one object at a time for
/// a given signal.
class SignalFd {
  public:
    /// Throws Error.
    explicit SignalFd(std::initializer_list<int> signals);
    SignalFd(SignalFd const&) = delete;
    SignalFd& operator=(SignalFd const&) = delete;
    ~SignalFd();

    /// Readable (poll) when a signal waits. Stays owned here.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The next signal, or nothing; one that this process ignores (under nohup, say) does not
    /// count. Never blocks. Two of the same number may arrive as one.
    [[nodiscard]] std::optional<ReceivedSignal> read();

  private:
    sigset_t signals_{};
    sigset_t former_{};
    std::vector<std::pair<int, struct sigaction>> actions_;  ///< to be restored
    Fd fd_;
};

}  // namespace reprise
