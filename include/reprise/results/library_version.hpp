/// @file Which HDF5 this is, for the record.
#pragma once

#include <string>

namespace reprise {

/// "MAJOR.MINOR.RELEASE" of the library that is loaded.
[[nodiscard]] std::string hdf5_version();

}  // namespace reprise
