/// @file Sleeping until something happens: ppoll(2) without its traps.
#pragma once

#include <poll.h>

#include <optional>
#include <span>
#include <vector>

#include "reprise/core/doors.hpp"

namespace reprise {

/// Sleeps until a descriptor has one of its events (POLLHUP and POLLERR count) or the time is
/// over; no timeout: for ever. Fills `revents` and returns the number of entries that have some, 0
/// after a timeout. Goes on sleeping when a signal interrupts it. Negative descriptors are skipped.
/// Throws Error; a closed descriptor is a ContractViolation.
int poll_events(std::span<pollfd> entries, std::optional<Duration> timeout);

/// The descriptors among `fds` that can be read (or have been hung up), in the same order.
[[nodiscard]] std::vector<int> wait_readable(std::span<int const> fds,
                                             std::optional<Duration> timeout);

}  // namespace reprise
