#include "reprise/mpi/library_version.hpp"

#include <mpi.h>

#include <algorithm>
#include <boost/version.hpp>

namespace reprise {

std::string mpi_library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "unknown";
    // Open MPI: "Open MPI v4.1.4, package: …". MPICH: "MPICH Version:<tab>4.2.1<newline>…".
    std::string version(text, static_cast<std::size_t>(length));
    version.resize(std::min(version.size(), version.find_first_of(",\n")));
    std::replace(version.begin(), version.end(), '\t', ' ');
    return version;
}

std::string boost_version() {
    return std::to_string(BOOST_VERSION / 100000) + "." +
           std::to_string(BOOST_VERSION / 100 % 1000) + "." + std::to_string(BOOST_VERSION % 100);
}

}  // namespace reprise
