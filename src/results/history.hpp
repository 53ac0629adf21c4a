/// @file The tables of a generation as records.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "generation.hpp"
#include "reprise/core/doors.hpp"

namespace reprise::results {

/// All throw Error (corrupt).
void read_attempts(Generation const& generation, std::string const& path,
                   std::function<void(AttemptRecord const&)> const& visit);
[[nodiscard]] std::vector<StartRecord> read_starts(Generation const& generation,
                                                   std::string const& path);
[[nodiscard]] History read_history(Generation const& generation, std::string const& path);

}  // namespace reprise::results
