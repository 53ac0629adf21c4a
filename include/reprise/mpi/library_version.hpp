/// @file Which MPI this is, for the record.
#pragma once

#include <string>

namespace reprise {

/// As the library names itself, e.g. "Open MPI v4.1.4". May be called without a session.
[[nodiscard]] std::string mpi_library_version();
/// "MAJOR.MINOR.PATCH"
[[nodiscard]] std::string boost_version();

}  // namespace reprise
