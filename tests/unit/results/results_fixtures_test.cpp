// Files that former versions have written have to be read for ever; files that are no good have to
// be refused in words that help. tests/support/make_results_fixture.cpp has made them.
#include <gtest/gtest.h>

#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

std::filesystem::path const data = std::filesystem::path(REPRISE_TEST_DATA) / "results";

History example_history() {
    return {.attempts = test::example_attempts(0, 7),
            .starts = {test::example_start(0, StartOutcome::resume),
                       test::example_start(1, StartOutcome::finished)}};
}

TEST(ResultsFixturesTest, Version1AtRestIsRead) {
    auto const reader = ResultsReader::open(data / "valid" / "version1_at_rest.h5");
    EXPECT_EQ(reader.info(), (ResultsFileInfo{1, 2, false, 7, 2}));
    EXPECT_EQ(reader.sample(), test::example_sample());
    EXPECT_TRUE(test::same(reader.load_history(), example_history()));
    ASSERT_EQ(reader.curves().size(), 5U);
    for (auto const& key : reader.curves())
        EXPECT_TRUE(test::same(*reader.curve(key), test::example_curve(key)));
}

TEST(ResultsFixturesTest, Version1InUseIsRead) {
    auto const reader = ResultsReader::open(data / "valid" / "version1_recording.h5");
    EXPECT_EQ(reader.info(), (ResultsFileInfo{1, 1, true, 9, 6}));
    EXPECT_EQ(reader.sample(), test::example_sample());
    EXPECT_TRUE(test::same(reader.load_history(), example_history()));
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
        Invalid{"version2.h5", Error::Kind::mismatch, "format version 2"}));

}  // namespace
}  // namespace reprise
