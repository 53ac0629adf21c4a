#include "reprise/core/job_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {
namespace {

[[noreturn]] void contradiction(std::string const& what) {
    throw Error(Error::Kind::corrupt, "use", "results file", what,
                "Move it away to start this sample anew.");
}

}  // namespace

JobState::JobState(JobPlan plan) : plan_(std::move(plan)) {
    REPRISE_EXPECT(plan_.learning_runs >= 1);
    REPRISE_EXPECT(plan_.training_iterations >= 1);
    REPRISE_EXPECT(plan_.max_attempts >= 1);
    REPRISE_EXPECT(plan_.accept >= 1 && plan_.accept <= plan_.learning_runs);
    LearningRunState fresh;
    fresh.last_reward = std::numeric_limits<double>::quiet_NaN();
    runs_.assign(static_cast<std::size_t>(plan_.learning_runs), fresh);
}

JobState::JobState(JobPlan plan, History const& history) : JobState(std::move(plan)) {
    // Starts first: the rows of attempts refer to them.
    for (auto const& row : history.starts) apply(row);
    for (auto const& row : history.attempts) apply(row);
}

void JobState::apply(AttemptRecord const& row) {
    auto const& key = row.key;
    if (key.learning_run < 0 || key.learning_run >= plan_.learning_runs) {
        contradiction("an attempt of learning run " + std::to_string(key.learning_run) + " of " +
                      std::to_string(plan_.learning_runs));
    }
    auto& run = runs_[static_cast<std::size_t>(key.learning_run)];
    if (key.iteration != run.iterations_done || key.attempt != run.failed_attempts ||
        key.part < run.next_part) {
        contradiction(directory_name(key) + " follows " +
                      directory_name(next_attempt(key.learning_run)) + " out of order");
    }
    if (complete(key.learning_run)) {
        contradiction(directory_name(key) + " follows the last training iteration");
    }
    count(key.learning_run, -1);
    if (row.outcome == AttemptOutcome::succeeded) {
        run.iterations_done += 1;
        run.next_part = 0;
        run.last_reward = row.reward;
        run.steps = row.steps;
        run.expected_steps = std::max(row.steps, run.expected_steps + plan_.steps_per_iteration);
        run.last_success = key;
        ended_attempts_ += 1;
    } else if (counts_as_failure(row.outcome)) {
        run.failed_attempts += 1;
        run.next_part = 0;
        run.last_failure = row;
        failed_attempts_ += 1;
        ended_attempts_ += 1;
    } else {
        run.next_part = key.part + 1;
    }
    count(key.learning_run, +1);
    auto const start = static_cast<std::size_t>(row.start_number);
    if (row.start_number >= 0 && start < starts_.size()) {
        last_end_[start] = std::max(last_end_[start], row.end);
        if (row.steps > 0 || row.outcome == AttemptOutcome::succeeded) trained_[start] = true;
    }
}

void JobState::count(int learning_run, int sign) {
    auto const& run = runs_[static_cast<std::size_t>(learning_run)];
    bool const lost_for_good = exhausted(learning_run);
    exhausted_runs_ += lost_for_good ? sign : 0;
    complete_runs_ += complete(learning_run) ? sign : 0;
    iterations_settled_ += sign * (lost_for_good ? plan_.training_iterations : run.iterations_done);
}

void JobState::apply(StartRecord const& row) {
    auto const index = static_cast<std::size_t>(row.number);
    if (row.number < 0 || index > starts_.size()) {
        contradiction("start " + std::to_string(row.number) + " follows " +
                      std::to_string(starts_.size()) + " starts");
    }
    if (index == starts_.size()) {
        starts_.push_back(row);
        last_end_.push_back(row.end);
        trained_.push_back(row.trained);
    } else {
        starts_[index] = row;
        last_end_[index] = std::max(last_end_[index], row.end);
        trained_[index] = trained_[index] || row.trained;
    }
}

AttemptKey JobState::next_attempt(int learning_run) const {
    auto const& run = runs_.at(static_cast<std::size_t>(learning_run));
    return {.learning_run = learning_run,
            .iteration = run.iterations_done,
            .attempt = run.failed_attempts,
            .part = run.next_part};
}

bool JobState::exhausted(int learning_run) const {
    auto const& run = runs_.at(static_cast<std::size_t>(learning_run));
    return !complete(learning_run) && run.failed_attempts >= plan_.max_attempts;
}

bool JobState::complete(int learning_run) const {
    return runs_.at(static_cast<std::size_t>(learning_run)).iterations_done >=
           plan_.training_iterations;
}

bool JobState::failed() const { return plan_.learning_runs - exhausted_runs_ < plan_.accept; }

bool JobState::finished() const {
    return !failed() && complete_runs_ + exhausted_runs_ == plan_.learning_runs;
}

int JobState::iterations_done() const {
    int least = plan_.training_iterations;
    for (int run = 0; run < plan_.learning_runs; ++run) {
        if (exhausted(run)) continue;
        least = std::min(least, runs_[static_cast<std::size_t>(run)].iterations_done);
    }
    return least;
}

double JobState::progress() const {
    return static_cast<double>(iterations_settled_) /
           (static_cast<double>(plan_.learning_runs) * plan_.training_iterations);
}

int JobState::early_reports() const {
    int most = 0;
    for (auto const& start : starts_) most = std::max(most, start.early_reports);
    return most;
}

double JobState::time_elapsed() const {
    double sum = 0.0;
    for (auto const& start : starts_) {
        sum += std::max(0.0, last_sign_of_life(start.number) - start.start);
    }
    return sum;
}

double JobState::last_sign_of_life(int start_number) const {
    auto const index = static_cast<std::size_t>(start_number);
    REPRISE_EXPECT(index < starts_.size());
    auto const& start = starts_[index];
    // Clocks of hosts differ a little: an attempt that "ended" after its start closed adds nothing.
    if (start.outcome != StartOutcome::running) return start.end;
    return std::max(start.end, last_end_[index]);
}

int JobState::fruitless_starts() const {
    int count = 0;
    for (std::size_t i = starts_.size(); i-- > 0;) {
        auto const outcome = starts_[i].outcome;
        bool const left = outcome == StartOutcome::lost || outcome == StartOutcome::resume;
        if (!left || trained_[i]) break;
        count += 1;
    }
    return count;
}

Aftermath assess_lost_start(JobState const& state, std::vector<LeftoverAttempt> const& leftovers) {
    Aftermath result;
    StartRecord row;
    row.number = -1;  // whoever left them has no row: the results file was moved away
    if (!state.starts().empty()) row = state.starts().back();
    bool const open = row.outcome == StartOutcome::running;
    double end = open ? state.last_sign_of_life(row.number) : row.end;

    auto sorted = leftovers;
    std::sort(sorted.begin(), sorted.end(),
              [](auto const& a, auto const& b) { return a.key < b.key; });
    bool steps_seen = false;
    for (auto const& leftover : sorted) {
        auto const& key = leftover.key;
        if (key.learning_run < 0 || key.learning_run >= state.plan().learning_runs) continue;
        auto const due = state.next_attempt(key.learning_run);
        if (key.iteration != due.iteration || key.attempt != due.attempt || key.part < due.part) {
            continue;
        }
        AttemptRecord lost;
        lost.key = key;
        lost.outcome = AttemptOutcome::lost;
        lost.reward = std::numeric_limits<double>::quiet_NaN();
        lost.start = leftover.start;
        lost.end = leftover.end;
        lost.steps = leftover.steps;
        lost.loaded_from = leftover.loaded_from;
        lost.start_number = row.number;
        lost.message = "its rank or its job died";
        result.attempts.push_back(lost);
        steps_seen = steps_seen || leftover.steps > 0;
        if (open) end = std::max(end, leftover.end);
    }

    JobState after = state;
    for (auto const& lost : result.attempts) after.apply(lost);
    if (open) {
        row.outcome = StartOutcome::lost;
        row.end = end;
        row.trained = row.trained || steps_seen;
        result.start = row;
        after.apply(row);
    }
    result.give_up = after.fruitless_starts() >= max_fruitless_starts;
    return result;
}

}  // namespace reprise
