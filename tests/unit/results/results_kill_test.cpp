// A process that records is killed, or looked at, at any instant: the file opens, with whatever
// reads it, and holds everything that was announced.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "plain_hdf5.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
#include "support/kill_one.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

using test::example_attempts;

/// Records until it is killed; announces the number of rows after each append.
[[noreturn]] void record_for_ever(std::filesystem::path const& path, int announcements) {
    try {
        auto store = ResultsStore::create_or_open(path, test::example_sample(), {8, 2});
        auto const history = store.load_history();
        auto rows = static_cast<int>(history.attempts.size());
        auto const number = static_cast<int>(history.starts.size());
        for (int round = 0;; ++round) {
            if (round % 5 == 0) store.write(test::example_start(number, StartOutcome::running));
            auto const count = 1 + round % 3;
            store.append(example_attempts(rows, rows + count));
            rows += count;
            if (::write(announcements, &rows, sizeof rows) != sizeof rows) ::_exit(2);
            if (round % 20 == 19)
                store.seal(round < 40 ? test::example_curve_source : CurveSource());
        }
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
    }
}

/// A process that records, and what it announces.
class RecordingProcess {
  public:
    explicit RecordingProcess(std::filesystem::path const& path) {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
        child_ = ::fork();
        if (child_ < 0) throw std::runtime_error("no process");
        if (child_ == 0) {
            ::close(ends[0]);
            record_for_ever(path, ends[1]);
        }
        ::close(ends[1]);
        announcements_ = ends[0];
    }
    RecordingProcess(RecordingProcess const&) = delete;
    RecordingProcess& operator=(RecordingProcess const&) = delete;
    ~RecordingProcess() {
        kill();
        ::close(announcements_);
    }

    /// Waits for so many announcements. Returns the last one that was ever made.
    int wait_for(int count) {
        for (int i = 0; i < count; ++i) {
            int number = 0;
            if (::read(announcements_, &number, sizeof number) == sizeof number) last_ = number;
        }
        return last_;
    }
    void kill() {
        if (child_ <= 0) return;  // to kill 0 or -1 would be to kill others
        auto const child = std::exchange(child_, -1);
        int status = 0;
        EXPECT_EQ(testing::kill_one(child, SIGKILL), 0);
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    }
    /// What was announced before it was killed.
    int last_announced() {
        int number = 0;
        while (::read(announcements_, &number, sizeof number) == sizeof number) last_ = number;
        return last_;
    }

  private:
    pid_t child_ = -1;
    int announcements_ = -1;
    int last_ = 0;
};

/// Expects at least `announced` rows, whoever reads.
void check_file(std::filesystem::path const& path, int announced) {
    auto const rows = ResultsReader::open(path).load_history().attempts;
    ASSERT_GE(static_cast<int>(rows.size()), announced);
    ASSERT_TRUE(test::same(rows, example_attempts(0, static_cast<int>(rows.size()))));
    auto const outcomes = test::outcomes_by_plain_hdf5(path, "attempts");
    auto const filled = std::count_if(outcomes.begin(), outcomes.end(),
                                      [](unsigned char outcome) { return outcome != 0; });
    ASSERT_GE(filled, announced);
}

TEST(ResultsKillTest, WhatWasAnnouncedIsInTheFileAndTheFileOpens) {
    test::ResultsFolder const folder;
    auto const path = folder / "results.h5";
    std::mt19937 random(std::random_device{}());
    int announced = 0;
    for (int round = 0; round < 30; ++round) {
        auto const enough = static_cast<int>(random() % 50);
        auto const later_us = static_cast<long>(random() % 1500);
        SCOPED_TRACE(std::to_string(enough) + " announcements and " + std::to_string(later_us) +
                     " us");
        RecordingProcess process(path);
        process.wait_for(enough);
        timespec const later{0, 1000 * later_us};  // another instant each time, waits for nothing
        ::ppoll(nullptr, 0, &later, nullptr);
        process.kill();
        announced = std::max(announced, process.last_announced());
        if (announced == 0 && !std::filesystem::exists(path)) continue;
        check_file(path, announced);
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(announced, 100);
}

TEST(ResultsKillTest, FileReadsAtAnyTimeWhileItIsRecorded) {
    test::ResultsFolder const folder;
    auto const path = folder / "results.h5";
    RecordingProcess process(path);
    auto const start = process.wait_for(1);
    int announced = start;
    for (int round = 0; round < 100 && !HasFatalFailure(); ++round) {
        check_file(path, announced);
        announced = process.wait_for(1 + round % 3);
    }
    EXPECT_GT(announced, start);
}

}  // namespace
}  // namespace reprise
