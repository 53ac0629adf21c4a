/// @file Which program this is.
#pragma once

namespace reprise {

/// "MAJOR.MINOR.PATCH"
[[nodiscard]] char const* version() noexcept;

}  // namespace reprise
