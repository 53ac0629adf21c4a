/// @file Looking into an environment that is a list of "NAME=value".
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

inline std::optional<std::string> find_variable(std::vector<std::string> const& environment,
                                                std::string_view name) {
    auto const found =
        std::find_if(environment.begin(), environment.end(), [&](std::string_view variable) {
            return variable.size() > name.size() && variable.starts_with(name) &&
                   variable[name.size()] == '=';
        });
    if (found == environment.end()) return std::nullopt;
    return found->substr(name.size() + 1);
}

/// Digits alone.
inline std::optional<int> whole_number(std::string_view text) {
    int value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < 0) return std::nullopt;
    return value;
}

}  // namespace reprise
