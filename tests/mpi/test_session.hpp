/// @file The MPI session that all tests of a program share.
#pragma once

#include "reprise/mpi/mailbox.hpp"

namespace reprise::testing {

[[nodiscard]] MpiSession const& test_session();

}  // namespace reprise::testing
