#include "reprise/results/results_store.hpp"

#include <gtest/gtest.h>

#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using test::example_attempt;
using test::example_attempts;
using test::example_sample;
using test::example_start;
using test::same;

class ResultsStoreTest : public testing::Test {
  protected:
    [[nodiscard]] ResultsStore open(Capacity room = {4, 4}) const {
        return ResultsStore::create_or_open(path, example_sample(), room);
    }
    [[nodiscard]] ResultsReader read() const { return ResultsReader::open(path); }
    [[nodiscard]] Error::Kind error_of_opening(SampleDescription const& sample) const {
        try {
            auto store = ResultsStore::create_or_open(path, sample, {4, 4});
        } catch (Error const& error) {
            message = error.what();
            return error.kind();
        }
        ADD_FAILURE() << "it opened";
        return {};
    }

    test::ResultsFolder folder;
    fs::path path = folder / "results.h5";
    mutable std::string message;
};

TEST_F(ResultsStoreTest, NewFileHasTheSampleAndNoRows) {
    open().close();
    auto const reader = read();
    EXPECT_EQ(reader.sample(), example_sample());
    EXPECT_EQ(reader.info(), (ResultsFileInfo{2, 1, true, 4, 4}));
    EXPECT_TRUE(reader.load_history().attempts.empty());
    EXPECT_TRUE(reader.load_history().starts.empty());
    EXPECT_TRUE(reader.curves().empty());
}

TEST_F(ResultsStoreTest, RowsComeBackInTheOrderOfWriting) {
    auto store = open({10, 10});
    auto const expected = test::record_example(store);
    EXPECT_TRUE(same(store.load_history(), expected));
    EXPECT_TRUE(same(read().load_history(), expected)) << "while the store is open";
    store.close();
    EXPECT_TRUE(same(read().load_history(), expected));
}

TEST_F(ResultsStoreTest, ReopenedFileGoesOn) {
    {
        auto store = open({10, 10});
        test::record_example(store);
    }
    auto store = open({3, 4});
    auto expected = store.load_history();
    store.append(example_attempts(7, 9));
    store.write(example_start(2, StartOutcome::running));
    store.close();
    EXPECT_EQ(read().info().generation, 1U) << "there was room, so nothing was copied";
    EXPECT_TRUE(same(read().load_history().attempts, example_attempts(0, 9)));
    EXPECT_EQ(read().load_history().starts.size(), 3U);
}

TEST_F(ResultsStoreTest, RoomIsMadeWhenItRunsOut) {
    auto store = open({1, 1});
    std::vector<StartRecord> starts;
    for (int n = 0; n < 40; ++n) {
        store.append(example_attempts(n, n + 1));
        starts.push_back(example_start(n, StartOutcome::running));
        store.write(starts.back());
    }
    store.append(example_attempts(40, 200));
    EXPECT_TRUE(same(store.load_history(), {example_attempts(0, 200), starts}));
    EXPECT_LE(read().info().generation, 15U) << "doubling, not creeping";
}

TEST_F(ResultsStoreTest, StartIsWrittenAgainAsOftenAsOneLikes) {
    auto store = open({1, 2});
    auto row = example_start(0, StartOutcome::running);
    for (int sign_of_life = 0; sign_of_life < 20; ++sign_of_life) {
        row.end += 60;
        store.write(row);
        EXPECT_EQ(store.load_history().starts, std::vector{row});
    }
    EXPECT_EQ(read().info().generation, 1U) << "two rows are enough for one start";
}

TEST_F(ResultsStoreTest, AnOldStartMayBeWrittenAgain) {
    auto store = open({1, 2});
    for (int n = 0; n < 3; ++n) store.write(example_start(n, StartOutcome::running));
    store.write(example_start(1, StartOutcome::lost));
    store.seal({});
    store.write(example_start(0, StartOutcome::lost));
    EXPECT_EQ(read().load_history().starts, (std::vector{example_start(0, StartOutcome::lost),
                                                         example_start(1, StartOutcome::lost),
                                                         example_start(2, StartOutcome::running)}));
}

TEST_F(ResultsStoreTest, SealedFileHasNoEmptyRowsAndTheCurves) {
    auto store = open({100, 100});
    auto const expected = test::record_example(store);
    store.seal(test::example_curve_source);
    auto const reader = read();
    EXPECT_EQ(reader.info(), (ResultsFileInfo{2, 2, false, 7, 2}));
    EXPECT_TRUE(same(reader.load_history(), expected));
    EXPECT_EQ(reader.curves().size(), 5U) << "all but those of rerun 2";
    for (auto const& key : reader.curves())
        EXPECT_TRUE(same(*reader.curve(key), test::example_curve(key)));
    EXPECT_EQ(reader.curve({.learning_run = 2}), std::nullopt);
}

TEST_F(ResultsStoreTest, SealingAgainAddsOnlyNewCurves) {
    auto store = open({100, 100});
    store.append(example_attempts(0, 2));
    store.seal(test::example_curve_source);
    store.append(example_attempts(2, 4));
    EXPECT_TRUE(read().info().recording);
    std::vector<AttemptKey> asked;
    store.seal([&](AttemptKey const& key) {
        asked.push_back(key);
        return test::example_curve_source(key);
    });
    EXPECT_EQ(asked, (std::vector{example_attempt(2).key, example_attempt(3).key}));
    EXPECT_EQ(read().curves().size(), 3U);
    EXPECT_TRUE(
        same(*read().curve(example_attempt(0).key), test::example_curve(example_attempt(0).key)));
}

TEST_F(ResultsStoreTest, EmptyAndOddCurvesAreKept) {
    auto store = open();
    store.append(example_attempts(0, 4));
    Curve const no_rows{.columns = {"a", ""}, .rows = 0, .values = {}};
    Curve wide{.columns = {}, .rows = 2, .values = std::vector<double>(6000, 1.5)};
    for (int column = 0; column < 3000; ++column)
        wide.columns.push_back("a column with a long name, number " + std::to_string(column));
    store.seal([&](AttemptKey const& key) -> std::optional<Curve> {
        if (key == example_attempt(0).key) return no_rows;
        if (key == example_attempt(1).key) return Curve{};
        if (key == example_attempt(2).key) return wide;
        return std::nullopt;
    });
    EXPECT_EQ(read().curve(example_attempt(0).key), no_rows);
    EXPECT_EQ(read().curve(example_attempt(1).key), std::nullopt);
    auto const narrowed = read().curve(example_attempt(2).key);
    ASSERT_TRUE(narrowed) << "the columns whose names fit into an attribute";
    EXPECT_GT(narrowed->columns.size(), 1000U);
    EXPECT_EQ(narrowed->values, std::vector<double>(2 * narrowed->columns.size(), 1.5));
}

TEST_F(ResultsStoreTest, SealIsGivenUpWhenTheCurveSourceThrows) {
    auto store = open();
    store.append(example_attempts(0, 2));
    EXPECT_THROW(store.seal([](AttemptKey const&) -> std::optional<Curve> {
        throw std::runtime_error("no time left");
    }),
                 std::runtime_error);
    EXPECT_EQ(read().info().generation, 1U);
    store.append(example_attempts(2, 3));
    EXPECT_TRUE(same(read().load_history().attempts, example_attempts(0, 3)));
    EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
}

TEST_F(ResultsStoreTest, StoredDescriptionStaysWhenTheDigestIsTheSame) {
    open().close();
    auto other = example_sample();
    other.job_id = 43;
    other.working_dir = "/elsewhere";
    auto const store = ResultsStore::create_or_open(path, other, {4, 4});
    EXPECT_EQ(store.stored_sample(), example_sample());
}

TEST_F(ResultsStoreTest, AnotherSampleIsRefusedAndTheFileLeftAlone) {
    {
        auto store = open();
        store.seal({});
    }
    auto const before = test::read_file(path);
    auto other = example_sample();
    other.digest = "00000000";
    EXPECT_EQ(error_of_opening(other), Error::Kind::mismatch);
    EXPECT_NE(message.find("digest 9f2c6d7a instead of 00000000"), std::string::npos) << message;
    EXPECT_EQ(test::read_file(path), before);
}

TEST_F(ResultsStoreTest, ReadingChangesNothing) {
    {
        auto store = open();
        test::record_example(store);
    }
    auto const before = test::read_file(path);
    EXPECT_EQ(read().load_history().attempts.size(), 7U);
    EXPECT_EQ(test::read_file(path), before);
}

TEST_F(ResultsStoreTest, WhatAKilledSnapshotLeftIsRemoved) {
    open({4, 4}).close();
    for (auto room : {Capacity{1, 1}, Capacity{50, 50}}) {
        test::write_file(path.string() + ".tmp", "half a snapshot");
        open(room).close();
        EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
    }
}

TEST_F(ResultsStoreTest, RestartsDoNotMakeTheFileGrow) {
    std::uintmax_t size = 0;
    for (int start = 0; start < 30; ++start) {
        auto store = open({100, 4});
        if (start < 2) store.append(example_attempts(40 * start, 40 * start + 40));
        store.seal(test::example_curve_source);
        store.close();
        if (start == 2) size = fs::file_size(path);
    }
    EXPECT_LE(fs::file_size(path), size + 4096);
    EXPECT_TRUE(same(read().load_history().attempts, example_attempts(0, 80)));
}

TEST_F(ResultsStoreTest, NewCurvesDoNotCostTheRoomOfOldTables) {
    for (int start = 0; start < 10; ++start) {
        auto store = open({500, 4});
        store.append(example_attempts(10 * start, 10 * start + 10));
        store.seal(test::example_curve_source);
    }
    auto const curves = read().curves().size();
    EXPECT_LE(fs::file_size(path), 100 * 606 + curves * 1000 + 20000);
}

/// An attempt of each of `runs` learning runs is cut short again and again; each curve has what the
/// ones before it have.
TEST_F(ResultsStoreTest, TheCurveOfALaterPartTakesThePlaceOfTheEarlierOnes) {
    constexpr int parts = 12;
    constexpr int runs = 3;
    constexpr std::size_t rows_of_a_part = 500;
    auto const curve_of = [&](AttemptKey const& key) -> std::optional<Curve> {
        Curve curve;
        curve.columns = {"x"};
        curve.rows = rows_of_a_part * static_cast<std::size_t>(key.part + 1);
        for (std::size_t row = 0; row < curve.rows; ++row) {
            curve.values.push_back(static_cast<double>(row + 10'000 * key.learning_run));
        }
        return curve;
    };
    for (int part = 0; part < parts; ++part) {
        auto store = open({runs, 4});
        for (int run = 0; run < runs; ++run) {
            AttemptRecord row = example_attempt(0);
            row.key = {run, 0, 0, part};
            row.outcome = AttemptOutcome::interrupted;
            store.append({&row, 1});
        }
        store.seal([&](AttemptKey const& key) {
            EXPECT_EQ(key.part, part) << "parts that went on are nobody's concern any more";
            // One has lost its files.
            return key.learning_run == 2 && part > 3 ? std::nullopt : curve_of(key);
        });
    }
    auto const reader = read();
    EXPECT_EQ(reader.curves(),
              (std::vector<AttemptKey>{{0, 0, 0, parts - 1}, {1, 0, 0, parts - 1}, {2, 0, 0, 3}}));
    for (auto const& key : reader.curves()) EXPECT_TRUE(same(*reader.curve(key), *curve_of(key)));
    // What they took up is used again, though not all of it.
    std::size_t const all = runs * (parts * (parts + 1) / 2) * rows_of_a_part * sizeof(double);
    EXPECT_LE(fs::file_size(path), all * 6 / 10);
}

TEST_F(ResultsStoreTest, SymbolicLinkStaysALink) {
    fs::create_directory(folder / "elsewhere");
    fs::create_symlink(folder / "elsewhere" / "kept.h5", path);
    test::write_file(folder / "elsewhere" / "kept.h5", "");
    fs::remove(folder / "elsewhere" / "kept.h5");
    ResultsStore::create_or_open(folder / "elsewhere" / "kept.h5", example_sample(), {4, 4})
        .close();
    auto store = open({50, 50});
    store.append(example_attempts(0, 1));
    EXPECT_TRUE(fs::is_symlink(path));
    EXPECT_EQ(read().load_history().attempts.size(), 1U);
}

TEST_F(ResultsStoreTest, MissingFolderIsNamed) {
    path = folder / "missing/results.h5";
    EXPECT_EQ(error_of_opening(example_sample()), Error::Kind::not_found);
    EXPECT_NE(message.find("missing/results.h5"), std::string::npos) << message;
}

TEST_F(ResultsStoreTest, ReaderKeepsItsGeneration) {
    auto store = open({2, 2});
    store.append(example_attempts(0, 1));
    auto const reader = read();
    store.append(example_attempts(1, 2));
    EXPECT_EQ(reader.load_history().attempts.size(), 2U) << "rows in place are seen at once";
    store.append(example_attempts(2, 10));
    EXPECT_EQ(reader.load_history().attempts.size(), 2U) << "a new generation is another file";
    EXPECT_EQ(read().load_history().attempts.size(), 10U);
}

TEST_F(ResultsStoreTest, MovedStoreGoesOn) {
    auto first = open();
    auto second = std::move(first);
    second.append(example_attempts(0, 1));
    EXPECT_EQ(read().load_history().attempts.size(), 1U);
}

TEST_F(ResultsStoreTest, RowsThatSayNothingAreABug) {
    auto store = open();
    std::vector<AttemptRecord> const rows(1);
    EXPECT_THROW(store.append(rows), ContractViolation);
    EXPECT_THROW(store.write({}), ContractViolation);
    EXPECT_THROW(store.write(example_start(1, StartOutcome::running)), ContractViolation)
        << "start 0 comes first";
    store.close();
    EXPECT_THROW(store.append(example_attempts(0, 1)), ContractViolation);
}

}  // namespace
}  // namespace reprise
