#include "reprise/mpi/library_version.hpp"

#include <mpi.h>

#include <boost/version.hpp>

namespace reprise {

std::string mpi_library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "unknown";
    std::string const version(text, static_cast<std::size_t>(length));
    return version.substr(0, version.find(','));
}

std::string boost_version() {
    return std::to_string(BOOST_VERSION / 100000) + "." +
           std::to_string(BOOST_VERSION / 100 % 1000) + "." + std::to_string(BOOST_VERSION % 100);
}

}  // namespace reprise
