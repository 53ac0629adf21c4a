/// @file Where the program's own parts are: in the build tree, or where they were installed.
#pragma once

#include <string>

namespace reprise {

/// Absolute path of reprise-run-helper: beside the program, or in ../libexec/reprise.
/// Throws Error{not_found}.
[[nodiscard]] std::string helper_path();

}  // namespace reprise
