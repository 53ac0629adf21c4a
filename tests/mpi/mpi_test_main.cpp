/// main() of the MPI tests: one session for all tests, results reduced over the ranks, so that a
/// failure on any rank fails the program on all.
#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <functional>

#include "mpi/test_session.hpp"

namespace reprise::testing {
namespace {
MpiSession const* session = nullptr;
}
MpiSession const& test_session() { return *session; }
}  // namespace reprise::testing

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    reprise::MpiSession const session;
    reprise::testing::session = &session;
    auto const& world = session.world();
    if (world.rank() != 0) {
        // One rank prints the list of tests; failures are printed by all.
        auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
        delete listeners.Release(listeners.default_result_printer());
    }
    int const own = RUN_ALL_TESTS();
    return boost::mpi::all_reduce(world, own, std::plus<>()) == 0 ? 0 : 1;
}
