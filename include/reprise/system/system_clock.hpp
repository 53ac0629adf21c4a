/// @file The real clock.
#pragma once

#include "reprise/core/doors.hpp"

namespace reprise {

class SystemClock final : public Clock {
  public:
    /// Goes on while the machine is suspended no further than CLOCK_MONOTONIC does.
    [[nodiscard]] TimePoint now() const override;
    [[nodiscard]] double unix_time() const override;
};

}  // namespace reprise
