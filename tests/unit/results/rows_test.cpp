#include "results/rows.hpp"

#include <gtest/gtest.h>

#include <array>

#include "support/sample_results.hpp"

namespace reprise::results {
namespace {

using AttemptBytes = std::array<std::byte, attempt_row_size>;
using StartBytes = std::array<std::byte, start_row_size>;

AttemptBytes encoded(AttemptRecord const& record) {
    AttemptBytes bytes{};
    encode(record, false, bytes);
    return bytes;
}

TEST(RowsTest, AttemptComesBackAsItWas) {
    for (int n = 0; n < 8; ++n) {
        auto const record = test::example_attempt(n);
        auto const bytes = encoded(record);
        EXPECT_EQ(state_of(bytes), RowState::good);
        EXPECT_TRUE(test::same(decode_attempt(bytes), record)) << n;
    }
}

TEST(RowsTest, StartComesBackAsItWas) {
    StartRow const row{7, test::example_start(3, StartOutcome::terminated)};
    StartBytes bytes{};
    encode(row, false, bytes);
    EXPECT_EQ(state_of(bytes), RowState::good);
    EXPECT_EQ(decode_start(bytes).revision, 7U);
    EXPECT_EQ(decode_start(bytes).record, row.record);
}

TEST(RowsTest, ZerosAreAnEmptyRow) {
    EXPECT_EQ(state_of(AttemptBytes{}), RowState::empty);
    EXPECT_EQ(state_of(StartBytes{}), RowState::empty);
}

TEST(RowsTest, EveryFlippedBitDamagesARowButForItsConfirmation) {
    auto bytes = encoded(test::example_attempt(1));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        auto const mask = std::byte{1} << (bit % 8);
        bytes[bit / 8] ^= mask;
        EXPECT_EQ(state_of(bytes), bit < 8 ? RowState::good : RowState::damaged) << bit;
        bytes[bit / 8] ^= mask;
    }
}

TEST(RowsTest, ConfirmingChangesNothingElse) {
    auto const before = encoded(test::example_attempt(1));
    auto after = before;
    set_confirmed(after);
    EXPECT_FALSE(is_confirmed(before));
    EXPECT_TRUE(is_confirmed(after));
    EXPECT_EQ(state_of(after), RowState::good);
    EXPECT_TRUE(std::equal(before.begin() + 1, before.end(), after.begin() + 1));
}

TEST(RowsTest, LongTextsAreCutBetweenCharacters) {
    AttemptRecord record;
    record.host = std::string(62, 'a') + "ü";
    record.cores = std::string(63, 'b');
    record.message = std::string(1000, 'c');
    auto const back = decode_attempt(encoded(record));
    EXPECT_EQ(back.host, std::string(62, 'a'));
    EXPECT_EQ(back.cores, std::string(63, 'b'));
    EXPECT_EQ(back.message, std::string(255, 'c'));
}

TEST(RowsTest, NulInATextBecomesASpace) {
    AttemptRecord record;
    record.message = std::string("a\0b", 3);
    EXPECT_EQ(decode_attempt(encoded(record)).message, "a b");
}

TEST(RowsTest, Hdf5TypesHaveTheSizeOfTheRows) {
    EXPECT_EQ(H5Tget_size(attempt_row_type().get()), attempt_row_size);
    EXPECT_EQ(H5Tget_size(start_row_type().get()), start_row_size);
}

}  // namespace
}  // namespace reprise::results
