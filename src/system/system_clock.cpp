#include "reprise/system/system_clock.hpp"

#include <chrono>

namespace reprise {

TimePoint SystemClock::now() const { return std::chrono::steady_clock::now(); }

double SystemClock::unix_time() const {
    auto const since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since_epoch).count();
}

}  // namespace reprise
