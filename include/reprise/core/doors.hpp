/// @file The doors to the outside world. Everything that decides is on this side of them, and is
/// tried in tests with the fakes of tests/support.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reprise/core/attempt.hpp"

namespace reprise {

using Duration = std::chrono::nanoseconds;
/// Monotonic time. Only differences mean anything.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Monotonic and civil time.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const = 0;
    /// Seconds since the epoch.
    [[nodiscard]] virtual double unix_time() const = 0;
};

/// Datagrams to the cluster_utils server. Sending never blocks and never throws: a datagram may be
/// lost on any network, and a job does not fail for it.
class ServerLink {
  public:
    virtual ~ServerLink() = default;
    /// One datagram. Returns false when the operating system refused it.
    virtual bool send(std::span<std::byte const> datagram) = 0;
};

/// A message between ranks, opaque bytes at this door.
struct RankMessage {
    int rank = 0;  ///< sender when received, receiver when sent
    std::string bytes;
};

/// Messages between the ranks of a job, in order for each pair of ranks.
class Mailbox {
  public:
    virtual ~Mailbox() = default;
    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;
    /// Hands the message over; its bytes are kept until it has left. Wakes the receiver.
    virtual void send(int to, std::string bytes) = 0;
    /// The next message that has arrived, or nothing. Never blocks.
    virtual std::optional<RankMessage> receive() = 0;
};

/// Where rank 0 keeps what must survive (the results file). Every call returns when the rows are
/// on disk, or throws Error with nothing announced.
class DurableStore {
  public:
    virtual ~DurableStore() = default;
    /// Adds rows; several at once cost one synchronisation.
    virtual void append(std::span<AttemptRecord const> rows) = 0;
    /// Writes the row of a start, new (number = rows so far) or again.
    virtual void write(StartRecord const& row) = 0;
};

/// All that a results file tells about the past of a sample, in the order of writing.
struct History {
    std::vector<AttemptRecord> attempts;
    std::vector<StartRecord> starts;
};

}  // namespace reprise
