/// @file Settings files and templates: JSON and TOML text to values, as strict as the real client.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace reprise {

/// How deep objects and arrays of a file may nest.
inline constexpr int max_settings_depth = 200;

/// Reads strict JSON (no comments, no trailing commas; keys keep their order).
/// @param file name for messages.
/// @throws InputError with line and column, or with the name of a member that appears twice, is
///         nan or infinite, is an integer beyond 64 bits.
[[nodiscard]] nlohmann::ordered_json parse_json_text(std::string_view text,
                                                     std::string const& file);

/// Reads TOML 1.0; keys come in the order of their first appearance, as in Python's tomllib.
/// @throws InputError as above, and for dates and times, which JSON does not have.
[[nodiscard]] nlohmann::ordered_json parse_toml_text(std::string_view text,
                                                     std::string const& file);

}  // namespace reprise
