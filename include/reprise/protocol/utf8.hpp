/// @file Bytes of unknown origin (host names, stderr) to text that Python and a terminal accept.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace reprise {

/// The same bytes if they are valid UTF-8, else with U+FFFD for each maximal ill-formed part: what
/// Python's bytes.decode("utf-8", "replace") gives (Unicode 15, 3.9, "U+FFFD substitution of
/// maximal subparts"). Surrogates and code points above U+10FFFF are ill-formed.
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

/// The longest prefix of at most `max_bytes` bytes that ends between two characters. Expects valid
/// UTF-8.
[[nodiscard]] std::string_view utf8_prefix(std::string_view utf8, std::size_t max_bytes);

/// The longest suffix of at most `max_bytes` bytes that begins between two characters. Expects
/// valid UTF-8.
[[nodiscard]] std::string_view utf8_suffix(std::string_view utf8, std::size_t max_bytes);

/// One line as a terminal would show it in the end: what stands after the last carriage return
/// (progress bars), without escape sequences of the form ESC [ … and without other control
/// characters than tab; valid UTF-8, no newline.
[[nodiscard]] std::string to_shown_line(std::string_view bytes);

}  // namespace reprise
