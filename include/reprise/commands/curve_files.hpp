/// @file Run directories: their names, the curves in them, those without a row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/part_files.hpp"
#include "reprise/core/job_state.hpp"
#include "reprise/statistics/learning_curve.hpp"

namespace reprise {

/// Feeds a file to a reader piece by piece. False when there is no file that can be read.
[[nodiscard]] bool feed_file(LearningCurveReader& reader, std::string const& path);

/// Directories of attempts in working_dir that have no row: of the attempt that is due, and of
/// later ones (when the results file was moved away).
[[nodiscard]] std::vector<LeftoverAttempt> find_leftovers(AttemptFiles const& files,
                                                          JobState const& state);

/// The key that directory_name() made this name of, or nothing.
[[nodiscard]] std::optional<AttemptKey> parse_directory_name(std::string const& name);

}  // namespace reprise
