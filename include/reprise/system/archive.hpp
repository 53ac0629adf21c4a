/// @file Whether what a killed or failing process left is whole.
#pragma once

#include <string>

namespace reprise {

/// Whether a saved model is complete, as far as can be told from outside. A zip archive (.zip, also
/// what torch and numpy write) is when its directory can be read and each of its members has the
/// right checksum; any other file when it is not empty; a directory when there is something in it.
/// Reads all of an archive. Never throws: what cannot be read is not complete.
[[nodiscard]] bool is_complete_model(std::string const& path) noexcept;

}  // namespace reprise
