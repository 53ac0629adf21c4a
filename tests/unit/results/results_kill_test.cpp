// A process that records is killed at any instant: the file opens, with whatever reads it, and
// holds everything that was announced.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

#include "plain_hdf5.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
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
            if (round % 20 == 19) store.seal(test::example_curve_source);
        }
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
    }
}

/// The last number announced, after `enough` of them; the process is killed somewhat later.
int announced_by_a_killed_process(std::filesystem::path const& path, int enough, int later_us) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    auto const child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        record_for_ever(path, ends[1]);
    }
    ::close(ends[1]);
    int last = 0;
    int number = 0;
    for (int i = 0; i < enough; ++i)
        if (::read(ends[0], &number, sizeof number) == sizeof number) last = number;
    timespec const later{0, 1000L * later_us};  // another instant each time, waits for nothing
    ::ppoll(nullptr, 0, &later, nullptr);
    EXPECT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    while (::read(ends[0], &number, sizeof number) == sizeof number) last = number;
    ::close(ends[0]);
    return last;
}

TEST(ResultsKillTest, WhatWasAnnouncedIsInTheFileAndTheFileOpens) {
    test::ResultsFolder const folder;
    auto const path = folder / "results.h5";
    std::mt19937 random(std::random_device{}());
    int announced = 0;
    for (int round = 0; round < 40; ++round) {
        auto const enough = static_cast<int>(random() % 60);
        auto const later_us = static_cast<int>(random() % 1500);
        SCOPED_TRACE(std::to_string(enough) + " announcements and " + std::to_string(later_us) +
                     " us");
        announced = std::max(announced, announced_by_a_killed_process(path, enough, later_us));
        if (announced == 0 && !std::filesystem::exists(path)) continue;
        auto const rows = ResultsReader::open(path).load_history().attempts;
        ASSERT_GE(static_cast<int>(rows.size()), announced);
        ASSERT_TRUE(test::same(rows, example_attempts(0, static_cast<int>(rows.size()))));
        auto const outcomes = test::outcomes_by_plain_hdf5(path, "attempts");
        auto const filled = std::count_if(outcomes.begin(), outcomes.end(),
                                          [](unsigned char outcome) { return outcome != 0; });
        ASSERT_GE(filled, announced);
    }
    EXPECT_GT(announced, 100);
}

}  // namespace
}  // namespace reprise
