/// @file Numbers as people read them in lines of the log and in messages.
#pragma once

#include <string>

namespace reprise {

/// Six digits at most, without a unit: "0.25", "1e+06".
[[nodiscard]] std::string number_text(double value);

}  // namespace reprise
