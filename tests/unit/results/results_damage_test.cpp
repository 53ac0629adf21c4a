// Cut off, flipped, torn: each is either found or does no harm. And what a loss of power leaves,
// which writes any of the sectors that were under way.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
#include "support/faulty_files.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

using test::example_attempts;
using test::example_sample;
using test::example_start;
using test::read_file;
using test::same;
using test::write_file;

/// All that is in a file.
struct Content {
    SampleDescription sample;
    History history;
    std::vector<AttemptKey> keys;
    std::vector<Curve> curves;
};

Content content_of(std::filesystem::path const& path) {
    auto const reader = ResultsReader::open(path);
    Content content{reader.sample(), reader.load_history(), reader.curves(), {}};
    for (auto const& key : content.keys) content.curves.push_back(*reader.curve(key));
    return content;
}

bool same(Content const& a, Content const& b) {
    return a.sample == b.sample && test::same(a.history, b.history) && a.keys == b.keys &&
           std::equal(a.curves.begin(), a.curves.end(), b.curves.begin(), b.curves.end(),
                      [](Curve const& x, Curve const& y) { return test::same(x, y); });
}

class ResultsDamageTest : public testing::Test {
  protected:
    [[nodiscard]] ResultsStore open(Files& files = posix_files()) const {
        return ResultsStore::create_or_open(path, example_sample(), {1, 1}, files);
    }
    /// A file in use with a curve, empty rows and a start that was written twice; or one at rest.
    void make_file(bool at_rest) {
        auto store = ResultsStore::create_or_open(path, example_sample(), {2, 1});
        store.append(example_attempts(0, 1));
        store.seal(test::example_curve_source);
        store.append(example_attempts(1, 4));
        store.write(example_start(0, StartOutcome::running));
        store.write(example_start(0, StartOutcome::finished));
        if (at_rest) store.seal(test::example_curve_source);
        store.close();
        intact = read_file(path);
        content = content_of(path);
    }
    /// Why the bytes cannot be read, or nothing when they read as the intact file does.
    std::optional<Error::Kind> finding(std::string const& bytes) {
        write_file(path, bytes);
        try {
            EXPECT_TRUE(same(content_of(path), content)) << "damage went unseen";
        } catch (Error const& error) {
            EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
            return error.kind();
        }
        return std::nullopt;
    }
    void flip_every_byte(char mask) {
        auto bytes = intact;
        for (std::size_t at = 0; at < bytes.size() && !HasFailure(); ++at) {
            bytes[at] = static_cast<char>(bytes[at] ^ mask);
            SCOPED_TRACE("byte " + std::to_string(at));
            auto const found = finding(bytes);
            EXPECT_EQ(found.value_or(Error::Kind::corrupt), Error::Kind::corrupt);
            unseen += found ? 0 : 1;
            bytes[at] = intact[at];
        }
    }

    test::ResultsFolder folder;
    std::filesystem::path path = folder / "results.h5";
    std::string intact;
    Content content;
    std::size_t unseen = 0;
};

TEST_F(ResultsDamageTest, EveryFlippedByteOfAFileAtRestIsFound) {
    make_file(true);
    flip_every_byte('\x01');
    EXPECT_EQ(unseen, 0U);
}

TEST_F(ResultsDamageTest, EveryFlippedByteOfAFileInUseIsFoundOrHarmless) {
    make_file(false);
    flip_every_byte('\x80');
    // Harmless: rows that hold nothing yet, and the byte that says of a row that it is on disk.
    auto const info = ResultsReader::open((write_file(path, intact), path)).info();
    EXPECT_LE(unseen, (info.attempt_capacity - 4) * 606 + 4 + (info.start_capacity - 2) * 103 + 2);
}

TEST_F(ResultsDamageTest, EveryCutIsFound) {
    for (bool const at_rest : {false, true}) {
        make_file(at_rest);
        for (std::size_t size = 0; size < intact.size(); ++size)
            ASSERT_EQ(finding(intact.substr(0, size)), Error::Kind::corrupt) << size;
        EXPECT_EQ(finding(intact + '\0'), Error::Kind::corrupt) << "longer is no better";
        std::filesystem::remove(path);
    }
}

TEST_F(ResultsDamageTest, MissingRowBeforeConfirmedOnesIsFound) {
    make_file(false);
    auto bytes = intact;
    auto const row = bytes.find("node1");
    ASSERT_NE(row, std::string::npos);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(row) - 70, 606, '\0');
    EXPECT_EQ(finding(bytes), Error::Kind::corrupt);
}

TEST_F(ResultsDamageTest, DamageDuringUseIsNotCopiedIntoTheNextGeneration) {
    make_file(false);
    auto store = open();
    auto bytes = read_file(path);
    auto const at = bytes.find("hysr_one_ball_rl");
    ASSERT_NE(at, std::string::npos);
    auto const fd = posix_files().open(path.string(), O_WRONLY);
    ASSERT_EQ(posix_files().pwrite(fd, "X", 1, at), 1);
    posix_files().close(fd);
    EXPECT_THROW(store.seal({}), Error);
    EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

/// The file before a write, when it was written but not known to be on disk, and at the end.
struct Images {
    std::string before;
    std::string written;
    std::string confirmed;
};

class PowerLossTest : public ResultsDamageTest {
  protected:
    Images images_of(auto const& action) {
        {
            auto store = ResultsStore::create_or_open(path, example_sample(), {6, 6});
            store.append(example_attempts(0, 2));
            store.write(example_start(0, StartOutcome::running));
            store.write(example_start(0, StartOutcome::resume));
            store.write(example_start(1, StartOutcome::running));
        }
        Images images;
        images.before = read_file(path);
        test::FaultyFiles files;
        {
            auto store = open(files);
            files.fail_at = files.calls + 2;  // write, sync, confirm: the third
            action(store);
            EXPECT_TRUE(files.has_failed());
        }
        images.written = read_file(path);
        write_file(path, images.before);
        {
            auto store = open();
            action(store);
        }
        images.confirmed = read_file(path);
        EXPECT_NE(images.written, images.confirmed);
        return images;
    }
    /// Every mixture of the sectors of two images.
    static std::vector<std::string> mixtures(std::string const& a, std::string const& b) {
        constexpr std::size_t sector = 512;
        std::vector<std::string> result{a};
        for (std::size_t at = 0; at < a.size(); at += sector) {
            auto const part = b.substr(at, sector);
            if (a.compare(at, sector, part) == 0) continue;
            for (std::size_t i = 0, count = result.size(); i < count; ++i)
                result.push_back(std::string(result[i]).replace(at, part.size(), part));
        }
        EXPECT_GE(result.size(), 2U);
        return result;
    }
    History history_of(std::string const& bytes) {
        write_file(path, bytes);
        return ResultsReader::open(path).load_history();
    }

    static constexpr int old_rows = 2;
    std::vector<StartRecord> old_starts{example_start(0, StartOutcome::resume),
                                        example_start(1, StartOutcome::running)};
};

TEST_F(PowerLossTest, RowsUnderWayAreThereOrNotAndTheJobGoesOn) {
    auto const images =
        images_of([](ResultsStore& store) { store.append(example_attempts(2, 5)); });
    for (auto const& mixture : mixtures(images.before, images.written)) {
        auto const rows = history_of(mixture).attempts;
        ASSERT_GE(rows.size(), 2U);
        ASSERT_TRUE(same(rows, example_attempts(0, static_cast<int>(rows.size()))));
        auto store = open();
        store.append(example_attempts(static_cast<int>(rows.size()), 9));
        ASSERT_TRUE(same(store.load_history().attempts, example_attempts(0, 9)));
    }
    for (auto const& mixture : mixtures(images.written, images.confirmed))
        ASSERT_TRUE(same(history_of(mixture).attempts, example_attempts(0, 5)));
}

TEST_F(PowerLossTest, StartUnderWayIsOldOrNew) {
    for (int const number : {0, 1, 2}) {
        auto const row = example_start(number, StartOutcome::finished);
        std::filesystem::remove(path);
        auto const images = images_of([&](ResultsStore& store) { store.write(row); });
        auto new_starts = old_starts;
        new_starts.resize(std::max<std::size_t>(2, static_cast<std::size_t>(number) + 1));
        new_starts[static_cast<std::size_t>(number)] = row;
        for (auto const& mixture : mixtures(images.before, images.written)) {
            auto const starts = history_of(mixture).starts;
            ASSERT_TRUE(starts == old_starts || starts == new_starts);
            auto store = open();
            store.write(row);
            ASSERT_EQ(store.load_history().starts, new_starts);
        }
        for (auto const& mixture : mixtures(images.written, images.confirmed))
            ASSERT_EQ(history_of(mixture).starts, new_starts);
    }
}

TEST_F(PowerLossTest, ShortWriteOfAnyLengthLeavesTheOldRows) {
    auto const append =
        images_of([](ResultsStore& store) { store.append(example_attempts(2, 3)); });
    std::filesystem::remove(path);
    auto const lost = example_start(0, StartOutcome::lost);
    auto const write = images_of([&](ResultsStore& store) { store.write(lost); });
    for (auto const& images : {append, write}) {
        auto torn = images.before;
        for (std::size_t at = 0; at < torn.size(); ++at) {
            if (torn[at] == images.written[at]) continue;
            torn[at] = images.written[at];
            auto const history = history_of(torn);
            ASSERT_GE(history.attempts.size(), 2U);
            ASSERT_TRUE(history.starts == old_starts ||
                        history.starts == (std::vector{lost, old_starts[1]}));
        }
    }
}

}  // namespace
}  // namespace reprise
