/// @file The parameters of a job as the user gave them.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "reprise/parameters/job_arguments.hpp"

namespace reprise {

/// Returns what is in the file. Throws Error when it cannot.
using FileReader = std::function<std::string(std::string const& path)>;

struct Parameters {
    /// An object, in the order given, overrides applied: what settings.json holds.
    nlohmann::ordered_json values = nlohmann::ordered_json::object();
    /// JSON pointers of arrays that an override wrote as tuples: param_choice.csv shows them so.
    std::set<std::string> tuples;
    /// One line each, for the log.
    std::vector<std::string> notices;
};

/// Reads the dictionary or file and applies the overrides: values are Python literals, dots in
/// the key go down; under `config.`, `runner.` and `learner.` missing groups are made, elsewhere
/// they must be there, as with the real client.
/// @throws InputError for a wrong literal, file or override, a reserved name, an __import__.
/// @throws Error from read_file.
[[nodiscard]] Parameters load_parameters(ParameterSource const& source,
                                         FileReader const& read_file);

/// The same values with `config`, `runner`, `learner` and `singularity` as nested objects, however
/// their members were given ('runner.ranks': 2 or 'runner': {'ranks': 2}).
/// @throws InputError when a parameter is given in both ways, or a group is no group.
[[nodiscard]] nlohmann::ordered_json nested_groups(nlohmann::ordered_json const& values);

}  // namespace reprise
