// Files that former versions have written have to be read for ever; files that are no good have to
// be refused in words that help. tests/support/make_results_fixture.cpp has made them.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "plain_hdf5.hpp"
#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
#include "results/rows.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

std::filesystem::path const data = std::filesystem::path(REPRISE_TEST_DATA) / "results";

History example_history() {
    return {.attempts = test::example_attempts(0, 7),
            .starts = {test::example_start(0, StartOutcome::resume),
                       test::example_start(1, StartOutcome::finished)}};
}

/// Version 1 has no column for GPUs.
History version_1_history() {
    auto history = example_history();
    for (auto& attempt : history.attempts) attempt.gpus.clear();
    return history;
}

void expect_at_rest(std::string const& name, std::uint32_t version, History const& history) {
    auto const reader = ResultsReader::open(data / "valid" / name);
    EXPECT_EQ(reader.info(), (ResultsFileInfo{version, 2, false, 7, 2}));
    EXPECT_EQ(reader.sample(), test::example_sample());
    EXPECT_TRUE(test::same(reader.load_history(), history));
    ASSERT_EQ(reader.curves().size(), 5U);
    for (auto const& key : reader.curves())
        EXPECT_TRUE(test::same(*reader.curve(key), test::example_curve(key)));
}

void expect_in_use(std::string const& name, std::uint32_t version, History const& history) {
    auto const reader = ResultsReader::open(data / "valid" / name);
    EXPECT_EQ(reader.info(), (ResultsFileInfo{version, 1, true, 9, 6}));
    EXPECT_EQ(reader.sample(), test::example_sample());
    EXPECT_TRUE(test::same(reader.load_history(), history));
}

TEST(ResultsFixturesTest, AtRestIsRead) {
    expect_at_rest("version1_at_rest.h5", 1, version_1_history());
    expect_at_rest("version2_at_rest.h5", 2, example_history());
}

TEST(ResultsFixturesTest, InUseIsRead) {
    expect_in_use("version1_recording.h5", 1, version_1_history());
    expect_in_use("version2_recording.h5", 2, example_history());
}

TEST(ResultsFixturesTest, AFileOfAFormerVersionBecomesOneOfThisVersionWhenItIsContinued) {
    for (auto const* const name : {"version1_at_rest.h5", "version1_recording.h5"}) {
        test::ResultsFolder const folder;
        auto const path = folder / name;
        std::filesystem::copy_file(data / "valid" / name, path);
        auto store = ResultsStore::create_or_open(path, test::example_sample(), {1, 1});
        auto expected = version_1_history();
        EXPECT_TRUE(test::same(store.load_history(), expected));
        store.append(test::example_attempts(8, 9));
        store.close();
        expected.attempts.push_back(test::example_attempt(8));
        auto const reader = ResultsReader::open(path);
        EXPECT_EQ(reader.info().format_version, 2U);
        EXPECT_TRUE(test::same(reader.load_history(), expected));
        EXPECT_EQ(reader.curves().size(), name == std::string("version1_at_rest.h5") ? 5U : 0U);
    }
}

/// Numbers of outcomes are added without a new format version.
TEST(ResultsFixturesTest, AnOutcomeOfALaterVersionIsNoDamage) {
    constexpr std::size_t attempts_region = 48;
    constexpr int row = 2;
    auto bytes = test::read_file(data / "valid" / "version2_recording.h5");
    std::uint64_t offset = 0;
    std::memcpy(&offset, bytes.data() + attempts_region, sizeof offset);
    auto record = test::example_attempt(row);
    record.outcome = static_cast<AttemptOutcome>(200);
    std::array<std::byte, results::attempt_row_size> encoded{};
    results::encode(record, true, encoded);
    std::memcpy(bytes.data() + offset + row * encoded.size(), encoded.data(), encoded.size());

    test::ResultsFolder const folder;
    auto const path = folder / "results.h5";
    test::write_file(path, bytes);
    try {
        static_cast<void>(ResultsReader::open(path).load_history());
        ADD_FAILURE() << "it was read";
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::mismatch);
        EXPECT_NE(std::string(error.what()).find("row 2 of its table attempts has outcome 200"),
                  std::string::npos)
            << error.what();
    }
}

TEST(ResultsFixturesTest, AFileOfBeforeGetsTheNamesOfNewOutcomesWithItsNextSnapshot) {
    test::ResultsFolder const folder;
    auto const path = folder / "results.h5";
    std::filesystem::copy_file(data / "valid" / "version1_at_rest.h5", path);
    auto record = test::example_attempt(7);
    record.outcome = AttemptOutcome::out_of_memory;
    {
        auto store = ResultsStore::create_or_open(path, test::example_sample(), {1, 1});
        store.append(std::array{record});
        store.seal(test::example_curve_source);
    }
    auto const history = ResultsReader::open(path).load_history();
    ASSERT_EQ(history.attempts.size(), 8U);
    EXPECT_EQ(history.attempts.back().outcome, AttemptOutcome::out_of_memory);
    EXPECT_EQ(test::outcome_name_by_plain_hdf5(path, "attempts", 11), "out_of_memory");
}

struct Invalid {
    char const* file;
    Error::Kind kind;
    char const* cause;
};

class ResultsInvalidTest : public testing::TestWithParam<Invalid> {};

TEST_P(ResultsInvalidTest, IsRefusedByName) {
    auto const& [file, kind, cause] = GetParam();
    try {
        auto const reader = ResultsReader::open(data / "invalid" / file);
        static_cast<void>(reader.load_history());
        ADD_FAILURE() << "it was read";
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), kind);
        EXPECT_NE(std::string(error.what()).find(file), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find(cause), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, ResultsInvalidTest,
    testing::Values(
        Invalid{"missing.h5", Error::Kind::not_found, "No such file"},
        Invalid{"empty.h5", Error::Kind::corrupt, "only 0 bytes"},
        Invalid{"text.h5", Error::Kind::corrupt, "only 40 bytes"},
        Invalid{"plain.h5", Error::Kind::corrupt, "does not begin like a results file"},
        Invalid{"cut_off.h5", Error::Kind::corrupt, "bytes instead of"},
        Invalid{"flipped_in_body.h5", Error::Kind::corrupt, "its checksum is wrong"},
        Invalid{"flipped_in_user_block.h5", Error::Kind::corrupt, "first 512 bytes is wrong"},
        Invalid{"flipped_in_row.h5", Error::Kind::corrupt, "row 6 of its table attempts"},
        Invalid{"version3.h5", Error::Kind::mismatch, "format version 3"}));

}  // namespace
}  // namespace reprise
