/// @file The three files that cluster_utils' own client leaves in working_dir, byte for byte.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "reprise/parameters/parameters.hpp"

namespace reprise {

/// settings.json: the parameters as given, keys sorted, indent 4, ASCII, no final newline.
[[nodiscard]] std::string settings_json(Parameters const& parameters);

/// param_choice.csv: one header and one row; the parameters as given, nested names joined with
/// dots, empty groups left out; then the defaults of training_iterations, learning_runs_per_job
/// and max_attempts that were not given.
[[nodiscard]] std::string param_choice_csv(Parameters const& parameters);

/// metrics.csv. @param metrics an object, in the order of columns, time_elapsed included.
[[nodiscard]] std::string metrics_csv(nlohmann::ordered_json const& metrics);

}  // namespace reprise
