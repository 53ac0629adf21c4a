/// @file A fixture that speaks of jobs: ranks, attempts, saves. Every action must be named by the
/// test: expect_nothing_else() ends each step.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reprise/core/dispatcher.hpp"

namespace reprise::testing {

class DispatcherFixture : public ::testing::Test {
  protected:
    /// A start of the job on this many ranks, on top of what is saved; its first rows are saved.
    void start(int ranks, std::vector<LeftoverAttempt> leftovers = {}) {
        dispatcher_.emplace(plan, disk, ranks);
        actions_.clear();
        handle(Begin{std::move(leftovers), "node1", walltime()});
        save();
    }

    /// The same when everything was decided before: nothing is saved.
    void start_unsaved(int ranks) {
        dispatcher_.emplace(plan, disk, ranks);
        actions_.clear();
        handle(Begin{{}, "node1", walltime()});
    }

    void handle(DispatcherEvent const& event) {
        now_.monotonic += std::chrono::milliseconds(1);
        now_.unix_s += 0.001;
        for (auto& action : dispatcher_->handle(event, now_)) {
            if (!std::holds_alternative<Note>(action)) actions_.push_back(std::move(action));
        }
        dispatcher_->check_invariants();
    }

    void pass(double seconds) {
        now_.monotonic += std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
        now_.unix_s += seconds;
    }

    /// The pending save reaches the disk.
    void save() {
        ASSERT_FALSE(actions_.empty()) << "nothing to save";
        auto const* save = std::get_if<Save>(&actions_.front());
        ASSERT_NE(save, nullptr) << "the next action is no save";
        auto const saved = *save;
        actions_.pop_front();
        for (auto const& row : saved.starts) {
            if (static_cast<std::size_t>(row.number) < disk.starts.size()) {
                disk.starts[static_cast<std::size_t>(row.number)] = row;
            } else {
                disk.starts.push_back(row);
            }
        }
        disk.attempts.insert(disk.attempts.end(), saved.attempts.begin(), saved.attempts.end());
        handle(Saved{saved.generation});
    }

    void save_fails(std::string const& what) {
        ASSERT_FALSE(actions_.empty());
        auto const generation = std::get<Save>(actions_.front()).generation;
        actions_.pop_front();
        handle(SaveFailed{generation, what});
    }

    static AttemptKey key(int run, int iteration, int attempt = 0, int part = 0) {
        return {run, iteration, attempt, part};
    }

    void succeeds(int rank, AttemptKey which, double reward, std::int64_t steps = 100,
                  double after_s = 60.0) {
        auto row = ended(which, AttemptOutcome::succeeded, after_s);
        row.reward = reward;
        row.steps = steps;
        handle(AttemptEnded{rank, row, {}});
    }

    void fails(int rank, AttemptKey which, std::string const& message = "exit code 1",
               double after_s = 60.0) {
        auto row = ended(which, AttemptOutcome::learner_failed);
        row.message = message;
        row.start = now_.unix_s - after_s;
        handle(AttemptEnded{rank, row, {"Traceback:", message}});
    }

    void interrupted(int rank, AttemptKey which, double after_s = 60.0, std::int64_t steps = 0) {
        auto row = ended(which, AttemptOutcome::interrupted, after_s);
        row.steps = steps;
        handle(AttemptEnded{rank, row, {}});
    }
    /// As when several ranks report at once: the time has passed already.
    void interrupted_now(int rank, AttemptKey which, double after_s, std::int64_t steps) {
        pass(-after_s);
        interrupted(rank, which, after_s, steps);
    }

    void expect_start(int rank, AttemptKey which) {
        auto const action = take<StartAttempt>();
        EXPECT_EQ(action.rank, rank);
        EXPECT_EQ(directory_name(action.key), directory_name(which));
        last_started_ = action;
    }
    void expect_stop(int rank, AttemptKey which) {
        auto const action = take<StopAttempt>();
        EXPECT_EQ(action.rank, rank);
        EXPECT_EQ(directory_name(action.key), directory_name(which));
        last_stopped_ = action;
    }
    void expect_progress(double fraction) {
        EXPECT_DOUBLE_EQ(take<SendProgress>().fraction, fraction);
    }
    Metrics expect_early_report() { return take<SendEarlyReport>().metrics; }
    Verdict expect_finish(VerdictKind kind) {
        auto verdict = take<Finish>().verdict;
        EXPECT_EQ(verdict.kind, kind) << verdict.reason;
        return verdict;
    }
    void expect_nothing_else() {
        EXPECT_TRUE(actions_.empty())
            << actions_.size() << " more, first is kind " << actions_.front().index();
    }

    JobPlan plan{.learning_runs = 3,
                 .training_iterations = 1,
                 .max_attempts = 3,
                 .accept = 3,
                 .iterations_per_start = 1};
    /// Seconds from the beginning of each start to its end, and the margin before; < 0: no end is
    /// known.
    double time_s = -1.0;
    double margin_s = 10.0;
    bool checkpoints_are_left = false;  ///< parts go on from the one before
    History disk;
    StartAttempt last_started_;
    StopAttempt last_stopped_;
    [[nodiscard]] Instant now() const { return now_; }
    Dispatcher& dispatcher() { return *dispatcher_; }

  private:
    template <class Action>
    Action take() {
        if (actions_.empty()) {
            ADD_FAILURE() << "no action";
            return {};
        }
        auto const* action = std::get_if<Action>(&actions_.front());
        if (action == nullptr) {
            ADD_FAILURE() << "the next action is of kind " << actions_.front().index();
            return {};
        }
        auto result = *action;
        actions_.pop_front();
        return result;
    }

    [[nodiscard]] std::optional<Walltime> walltime() const {
        if (time_s < 0.0) return std::nullopt;
        return Walltime{now_.unix_s, now_.unix_s + time_s, margin_s};
    }

    AttemptRecord ended(AttemptKey which, AttemptOutcome outcome, double after_s = 60.0) {
        pass(after_s);
        AttemptRecord row;
        row.key = which;
        row.outcome = outcome;
        row.start = now_.unix_s - after_s;
        row.end = now_.unix_s;
        row.reward = std::numeric_limits<double>::quiet_NaN();
        if (checkpoints_are_left && which.part > 0) {
            auto before = which;
            before.part -= 1;
            row.loaded_from = directory_name(before);
        }
        return row;
    }

    std::optional<Dispatcher> dispatcher_;
    std::deque<DispatcherAction> actions_;
    Instant now_{TimePoint{}, 1.7e9};
};

}  // namespace reprise::testing
