/// @file Python's string literals.
#pragma once

#include <string>

#include "literal_cursor.hpp"

namespace reprise {

/// Whether a string literal, with its prefix, begins here.
[[nodiscard]] bool at_string(LiteralCursor const& cursor);

/// Reads one or more string literals that stand side by side, as UTF-8. Expects at_string.
/// Leaves the cursor behind the white space that follows.
[[nodiscard]] std::string take_strings(LiteralCursor& cursor, LineEnds line_ends);

}  // namespace reprise
