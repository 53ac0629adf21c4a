/// @file How the parts of the literal parser give up.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "reprise/parameters/python_literal.hpp"

namespace reprise {

/// Leaves the recursion; read_python_literal turns it into a result, nobody else sees it.
struct LiteralFault {
    LiteralError error;
};

[[noreturn]] inline void refuse_literal(std::size_t offset, std::string what) {
    throw LiteralFault{{offset, std::move(what), false}};
}

}  // namespace reprise
