/// @file Asks another program something, for a limited time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/doors.hpp"

namespace reprise {

/// What the program wrote to its standard output; nothing when it could not be started, ended with
/// another code than 0, wrote more than 1 MiB, or had not ended after so long (it is killed then).
/// What it says to its standard error is dropped.
/// @param argv argv[0] without a slash is looked up on the PATH of `environment`
[[nodiscard]] std::optional<std::string> output_of(std::vector<std::string> const& argv,
                                                   std::vector<std::string> const& environment,
                                                   Duration limit);

}  // namespace reprise
