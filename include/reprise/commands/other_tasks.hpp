/// @file The other tasks of the job as a launcher sees them while its own rank runs, where somebody
/// else has started the tasks.
#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/doors.hpp"

namespace reprise {

class OtherTasks {
  public:
    virtual ~OtherTasks() = default;
    virtual void add_poll_fds(std::vector<pollfd>& fds) const = 0;
    /// Reads what they have said. Never blocks.
    virtual void advance() = 0;
    /// The own rank says that MPI is up. @param hub where task 0's launcher listens
    virtual void met(std::string const& hub) = 0;
    /// Why nothing can come of this start any more, so that the own rank must end at once.
    [[nodiscard]] virtual std::optional<std::string> lost() const = 0;
    /// The launcher of task 0 is gone, so nobody ends what hangs here.
    [[nodiscard]] virtual bool deserted() const { return false; }
    /// When to ask lost() again, though nobody says anything.
    [[nodiscard]] virtual std::optional<TimePoint> deadline() const { return std::nullopt; }
};

}  // namespace reprise
