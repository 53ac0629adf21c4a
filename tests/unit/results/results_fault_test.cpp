// Each call that changes the disk fails once, in turn: what was announced stays, nothing that
// failed is taken for done, and the job can go on when there is room again.
#include <gtest/gtest.h>

#include <optional>

#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
#include "support/faulty_files.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

using test::example_attempt;
using test::example_sample;
using test::example_start;

/// A job that records, with a book of what it was promised.
class RecordingJob {
  public:
    RecordingJob(std::filesystem::path path, test::FaultyFiles& files, bool repeats)
        : path_(std::move(path)), files_(files), repeats_(repeats) {}

    void run() {
        attempt_to([&] {
            store_ = ResultsStore::create_or_open(path_, example_sample(), {2, 2}, files_);
        });
        if (!store_) return;
        for (int n = 0; n < 6; ++n) {
            if (n % 3 == 0) write(example_start(n / 3, StartOutcome::running));
            append(n);
            if (n % 3 == 2) write(example_start(n / 3, StartOutcome::resume));
            if (n == 3) attempt_to([&] { store_->seal(test::example_curve_source); });
        }
        attempt_to([&] { store_->seal(test::example_curve_source); });
        store_->close();
    }

    [[nodiscard]] History const& announced() const { return announced_; }
    [[nodiscard]] bool opened() const { return store_.has_value(); }
    [[nodiscard]] int failures() const { return failures_; }

  private:
    /// As a job does it: what failed may be tried again.
    bool attempt_to(auto const& action) {
        for (int round = 0; round < (repeats_ ? 2 : 1); ++round) {
            try {
                action();
                return true;
            } catch (Error const& error) {
                EXPECT_EQ(error.kind(), Error::Kind::no_space) << error.what();
                ++failures_;
            }
        }
        return false;
    }
    void append(int n) {
        std::vector const rows{example_attempt(2 * n), example_attempt(2 * n + 1)};
        if (attempt_to([&] { store_->append(rows); }))
            announced_.attempts.insert(announced_.attempts.end(), rows.begin(), rows.end());
    }
    void write(StartRecord const& row) {
        auto const number = static_cast<std::size_t>(row.number);
        if (number > announced_.starts.size()) return;
        if (!attempt_to([&] { store_->write(row); })) return;
        announced_.starts.resize(std::max(announced_.starts.size(), number + 1));
        announced_.starts[number] = row;
    }

    std::filesystem::path path_;
    test::FaultyFiles& files_;
    bool repeats_;
    std::optional<ResultsStore> store_;
    History announced_;
    int failures_ = 0;
};

bool begins_with(std::vector<AttemptRecord> rows, std::vector<AttemptRecord> const& first) {
    if (rows.size() < first.size()) return false;
    rows.resize(first.size());
    return test::same(rows, first);
}

class ResultsFaultTest : public testing::TestWithParam<bool> {
  protected:
    int calls_of_a_whole_run() {
        test::FaultyFiles files;
        RecordingJob job(folder / "whole.h5", files, false);
        job.run();
        EXPECT_EQ(job.failures(), 0);
        EXPECT_EQ(job.announced().attempts.size(), 12U);
        return files.calls;
    }
    test::ResultsFolder folder;
};

TEST_P(ResultsFaultTest, DiskFullOnceAndTriedAgain) {
    auto const calls = calls_of_a_whole_run();
    ASSERT_GT(calls, 50);
    for (int n = 0; n < calls; ++n) {
        SCOPED_TRACE("call " + std::to_string(n));
        auto const path = folder / (std::to_string(n) + ".h5");
        test::FaultyFiles files;
        files.fail_at = n;
        files.fail_after_the_act = GetParam();
        RecordingJob job(path, files, true);
        job.run();
        auto const reader = ResultsReader::open(path);
        ASSERT_TRUE(test::same(reader.load_history(), job.announced()));
        ASSERT_EQ(job.announced().attempts.size(), 12U);
        ASSERT_FALSE(reader.info().recording);
        ASSERT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
    }
}

TEST_P(ResultsFaultTest, DiskFullFromThenOn) {
    auto const calls = calls_of_a_whole_run();
    for (int n = 0; n < calls; ++n) {
        SCOPED_TRACE("call " + std::to_string(n));
        auto const path = folder / (std::to_string(n) + ".h5");
        test::FaultyFiles files;
        files.fail_at = n;
        files.stay_broken = true;
        files.fail_after_the_act = GetParam();
        RecordingJob job(path, files, false);
        job.run();
        if (!std::filesystem::exists(path)) {
            ASSERT_FALSE(job.opened());
            continue;
        }
        // What was reported as failed may be there, whole, behind what was announced.
        auto const found = ResultsReader::open(path).load_history();
        ASSERT_TRUE(begins_with(found.attempts, job.announced().attempts));
        ASSERT_LE(found.attempts.size(), job.announced().attempts.size() + 2);
        ASSERT_GE(found.starts.size(), job.announced().starts.size());
        // And with room again the next job goes on.
        auto store = ResultsStore::create_or_open(path, example_sample(), {2, 2});
        store.append(std::vector{example_attempt(99)});
        ASSERT_EQ(store.load_history().attempts.size(), found.attempts.size() + 1);
    }
}

INSTANTIATE_TEST_SUITE_P(NothingOrAPartWasDone, ResultsFaultTest, testing::Bool());

TEST(ResultsShortWriteTest, ShortWritesAreContinued) {
    test::ResultsFolder const folder;
    test::FaultyFiles files;
    files.longest_write = 100;
    RecordingJob job(folder / "results.h5", files, false);
    job.run();
    EXPECT_EQ(job.failures(), 0);
    EXPECT_TRUE(
        test::same(ResultsReader::open(folder / "results.h5").load_history(), job.announced()));
}

TEST(ResultsErrorTest, FullDiskSaysWhatToDo) {
    test::ResultsFolder const folder;
    test::FaultyFiles files;
    auto const path = folder / "results.h5";
    auto store = ResultsStore::create_or_open(path, example_sample(), {2, 2}, files);
    files.fail_at = files.calls;
    try {
        store.append(std::vector{example_attempt(0)});
        ADD_FAILURE() << "it was written";
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::no_space);
        EXPECT_EQ(std::string(error.what()),
                  "cannot write results file '" + path.string() +
                      "' (No space left on device). Make room or raise the limit, then start "
                      "again: what was recorded is kept.");
    }
}

TEST(ResultsErrorTest, FailedSyncIsNoSuccess) {
    test::ResultsFolder const folder;
    test::FaultyFiles files;
    auto store =
        ResultsStore::create_or_open(folder / "results.h5", example_sample(), {2, 2}, files);
    files.code = EIO;
    files.fail_at = files.calls + 1;
    EXPECT_THROW(store.append(std::vector{example_attempt(0)}), Error);
    EXPECT_TRUE(store.load_history().attempts.empty()) << "whole in the file, but not announced";
    store.append(std::vector{example_attempt(1)});
    EXPECT_TRUE(test::same(store.load_history().attempts, {example_attempt(1)}));
}

/// A store of which one call fails: the next one but `n`.
class ResultsAfterFailureTest : public testing::Test {
  protected:
    void fail_next(int n, int code) {
        files.fail_at = files.calls + n;
        files.code = code;
    }
    [[nodiscard]] History read() const { return ResultsReader::open(path).load_history(); }

    static constexpr int write_call = 0;
    static constexpr int sync_call = 1;
    test::ResultsFolder folder;
    std::filesystem::path path = folder / "results.h5";
    test::FaultyFiles files;
    ResultsStore store = ResultsStore::create_or_open(path, example_sample(), {8, 8}, files);
};

TEST_F(ResultsAfterFailureTest, FailedRowsAreGoneWhenFewerFollow) {
    fail_next(sync_call, EIO);
    EXPECT_THROW(store.append(test::example_attempts(0, 3)), Error);
    store.append(test::example_attempts(5, 6));
    EXPECT_TRUE(test::same(read().attempts, test::example_attempts(5, 6)));
}

TEST_F(ResultsAfterFailureTest, FailedRowsDoNotGetIntoASnapshot) {
    fail_next(sync_call, EIO);
    EXPECT_THROW(store.append(test::example_attempts(0, 3)), Error);
    store.seal({});
    EXPECT_TRUE(read().attempts.empty());
}

TEST_F(ResultsAfterFailureTest, FailedStateOfAStartIsGone) {
    auto const running = example_start(0, StartOutcome::running);
    auto const next = example_start(1, StartOutcome::running);
    store.write(running);
    fail_next(sync_call, EIO);
    EXPECT_THROW(store.write(example_start(0, StartOutcome::finished)), Error);
    store.write(next);
    EXPECT_EQ(read().starts, (std::vector{running, next}));
    fail_next(sync_call, EIO);
    EXPECT_THROW(store.write(example_start(0, StartOutcome::finished)), Error);
    store.seal({});
    EXPECT_EQ(read().starts, (std::vector{running, next}));
}

TEST_F(ResultsAfterFailureTest, HalfAStateOfAStartTakesNothingAway) {
    auto const resume = example_start(0, StartOutcome::resume);
    for (auto const outcome : {StartOutcome::running, StartOutcome::running})
        store.write(example_start(0, outcome));
    store.write(resume);
    files.stay_broken = files.fail_after_the_act = true;
    fail_next(write_call, ENOSPC);
    EXPECT_THROW(store.write(example_start(0, StartOutcome::lost)), Error);
    EXPECT_EQ(read().starts, std::vector{resume});
}

TEST_F(ResultsAfterFailureTest, RenameThatHappenedAllTheSameLosesNothing) {
    store.append(test::example_attempts(0, 2));
    files.deny_next_rename = true;
    EXPECT_THROW(store.seal({}), Error);
    store.append(test::example_attempts(2, 3));
    EXPECT_TRUE(test::same(read().attempts, test::example_attempts(0, 3)))
        << "the row went into a file that has no name any more";
}

}  // namespace
}  // namespace reprise
