/// @file "Did you mean …?"
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace reprise {

/// Edits (insert, delete, replace, swap of neighbours) between two words, bytes and case alike.
[[nodiscard]] std::size_t edit_distance(std::string_view one, std::string_view other);

/// The known name that the given one was probably meant to be: fewest edits, at most a third of
/// its length and 3; the first one of several. Nothing when none is near.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view given,
                                                      std::span<std::string const> known);

/// " Did you mean 'x'?", or " Known: 'a', 'b'." (up to 12 of them), or nothing without names.
[[nodiscard]] std::string did_you_mean(std::string_view given, std::span<std::string const> known);

}  // namespace reprise
