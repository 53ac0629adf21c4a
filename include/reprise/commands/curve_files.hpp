/// @file Learning curves and leftovers, as the run directories hold them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/job_state.hpp"
#include "reprise/core/run_supervisor.hpp"
#include "reprise/results/curve.hpp"

namespace reprise {

/// The reward and the steps that a file shows. A file that cannot be read counts as missing.
[[nodiscard]] CurveFacts read_curve_facts(std::string const& path, std::string const& column,
                                          FileEnd end);

/// The whole curve for the results file; nothing when there is none.
[[nodiscard]] std::optional<Curve> read_curve(std::string const& path);

/// Directories of attempts in working_dir that have no row: of the attempt that is due, and of
/// later ones (when the results file was moved away).
[[nodiscard]] std::vector<LeftoverAttempt> find_leftovers(std::string const& working_dir,
                                                          JobState const& state,
                                                          std::string const& reward_file);

/// The key that directory_name() made this name of, or nothing.
[[nodiscard]] std::optional<AttemptKey> parse_directory_name(std::string const& name);

}  // namespace reprise
