/// @file Values as Python prints them: float.__repr__, repr() and json.dump. Files that
/// cluster_utils or a learner reads look as if Python had written them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

namespace reprise {

/// Shortest digits that read back as the same number; exponents below -4 and from 16 on, with at
/// least two digits (1e-07, 1e+16); "nan", "inf", "-inf".
[[nodiscard]] std::string python_float(double value);

/// repr() of the value made of dict, list, str, int, float, bool, None.
/// @param tuples JSON pointers (below `pointer`) of the arrays that are tuples.
/// Characters that Unicode has not assigned yet count as printable, which Python's tables say
/// otherwise.
[[nodiscard]] std::string python_repr(nlohmann::ordered_json const& value,
                                      std::set<std::string> const& tuples = {},
                                      std::string const& pointer = {});

enum class KeyOrder : std::uint8_t { as_given, sorted };

/// json.dump(value, indent=4): ASCII only, no final newline.
[[nodiscard]] std::string python_json(nlohmann::ordered_json const& value,
                                      KeyOrder order = KeyOrder::as_given);

/// json.dumps(value) on one line, keys in the order given.
[[nodiscard]] std::string python_json_line(nlohmann::ordered_json const& value);

/// One step of a JSON pointer, "/" in front, "~" and "/" escaped (RFC 6901).
[[nodiscard]] std::string pointer_step(std::string_view key);

}  // namespace reprise
