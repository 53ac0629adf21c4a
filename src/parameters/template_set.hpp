/// @file The template files that `config.config_templates` points to.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "reprise/parameters/parameters.hpp"

namespace reprise {

struct TemplateSet {
    std::string path;  ///< of the set itself, as given
    /// A member for each configuration file, in the order of the set.
    nlohmann::ordered_json files = nlohmann::ordered_json::object();
    std::map<std::string, std::string> paths;  ///< of the templates: name of the file -> path
};

/// @param path of the template set; the paths in it are relative to its directory.
/// @throws InputError
[[nodiscard]] TemplateSet load_template_set(std::string const& path, FileReader const& read_file);

}  // namespace reprise
