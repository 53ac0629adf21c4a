/// @file Python's number literals.
#pragma once

#include <cstdint>
#include <variant>

#include "literal_cursor.hpp"

namespace reprise {

/// A number without its sign.
struct LiteralInteger {
    std::uint64_t magnitude = 0;
    bool beyond_64_bits = false;
};
struct LiteralFloat {
    double value = 0.0;  ///< infinite when the text says more than a double can hold
};
using LiteralNumber = std::variant<LiteralInteger, LiteralFloat>;

/// Whether a number begins here.
[[nodiscard]] bool at_number(LiteralCursor const& cursor);

/// Reads a number without sign. Expects at_number.
[[nodiscard]] LiteralNumber take_number(LiteralCursor& cursor);

}  // namespace reprise
