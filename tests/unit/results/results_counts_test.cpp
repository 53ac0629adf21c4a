// What a record costs, in calls: on a network file system those are what one waits for.
#include <gtest/gtest.h>

#include <utility>

#include "reprise/results/results_store.hpp"
#include "support/faulty_files.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

using test::DiskCounts;
using test::example_attempts;

class ResultsCountsTest : public testing::Test {
  protected:
    ResultsStore open(Capacity room) {
        return ResultsStore::create_or_open(folder / "results.h5", test::example_sample(), room,
                                            files);
    }
    DiskCounts counts_of(auto const& action) {
        files.counts = {};
        action();
        return std::exchange(files.counts, {});
    }

    test::ResultsFolder folder;
    test::FaultyFiles files;
};

TEST_F(ResultsCountsTest, BatchOfAnySizeCostsOneSync) {
    auto store = open({100, 4});
    for (int const size : {1, 10, 50}) {
        auto const rows = example_attempts(0, size);
        auto const counts = counts_of([&] { store.append(rows); });
        EXPECT_EQ(counts.syncs, 1);
        EXPECT_EQ(counts.writes, 2) << "the rows, and that they are on disk";
        EXPECT_EQ(counts.folder_syncs + counts.renames + counts.creations, 0);
    }
}

TEST_F(ResultsCountsTest, RecordCostsTheSameAfterThousands) {
    auto store = open({5000, 4});
    auto const row = example_attempts(1, 2);
    auto const first = counts_of([&] { store.append(row); });
    for (int hundreds = 0; hundreds < 40; ++hundreds) store.append(example_attempts(0, 100));
    EXPECT_EQ(counts_of([&] { store.append(row); }), first);
}

TEST_F(ResultsCountsTest, StartCostsOneSync) {
    auto store = open({1, 4});
    for (int round = 0; round < 5; ++round) {
        auto const counts =
            counts_of([&] { store.write(test::example_start(0, StartOutcome::running)); });
        EXPECT_EQ(counts.syncs, 1);
        EXPECT_EQ(counts.folder_syncs + counts.renames + counts.creations, 0);
    }
}

TEST_F(ResultsCountsTest, SnapshotSyncsTheFileAndThenItsFolder) {
    auto store = open({4, 4});
    auto const counts = counts_of([&] { store.seal({}); });
    EXPECT_EQ(counts.syncs, 1);
    EXPECT_EQ(counts.renames, 1);
    EXPECT_EQ(counts.creations, 1);
    EXPECT_EQ(counts.folder_syncs, 1);
}

TEST_F(ResultsCountsTest, ReopeningWithRoomWritesNothing) {
    { auto const store = open({100, 4}); }
    EXPECT_EQ(counts_of([&] { open({50, 4}).close(); }), DiskCounts{});
}

TEST_F(ResultsCountsTest, GrowingToManyRowsCopiesEachRowAFewTimes) {
    auto store = open({1, 1});
    auto const counts = counts_of([&] {
        for (int n = 0; n < 2000; ++n) store.append(example_attempts(n, n + 1));
    });
    EXPECT_LE(counts.renames, 12);
    EXPECT_LE(counts.bytes_written, 2000U * 606 * 10);
}

}  // namespace
}  // namespace reprise
