/// @file The message of an expected error.
#pragma once

#include <string>

#include "reprise/core/error.hpp"

namespace reprise {

/// What InputError said; "" when there was none.
template <class Function>
std::string input_error_of(Function const& function) {
    try {
        function();
    } catch (InputError const& error) {
        return error.what();
    }
    return "";
}

}  // namespace reprise
