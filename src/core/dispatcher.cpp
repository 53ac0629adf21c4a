#include "reprise/core/dispatcher.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/core/number_text.hpp"
#include "reprise/statistics/reducers.hpp"
#include "reprise/statistics/seed.hpp"

namespace reprise {
namespace {

/// Two messages of one mistake differ in addresses, directories and times: in their digits.
std::string without_numbers(std::string const& message) {
    std::string result;
    for (char const c : message) {
        if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
            result += c;
        } else if (result.empty() || result.back() != '#') {
            result += '#';
        }
    }
    return result;
}

std::string times(int count) {
    return count == 1 ? "once" : count == 2 ? "twice" : std::to_string(count) + " times";
}

StartOutcome outcome_of(VerdictKind kind) {
    switch (kind) {
        case VerdictKind::done:
            return StartOutcome::finished;
        case VerdictKind::failed:
            return StartOutcome::failed;
        case VerdictKind::resume:
            return StartOutcome::resume;
        case VerdictKind::terminated:
            return StartOutcome::terminated;
    }
    return StartOutcome::failed;
}

/// Somebody else takes what is left of us away in a few seconds.
bool is_urgent(StopReason reason) {
    return reason == StopReason::terminated || reason == StopReason::launcher_lost;
}

}  // namespace

Dispatcher::Dispatcher(JobPlan plan, History const& history, int ranks, StopLimits limits)
    : state_(std::move(plan), history), times_(state_.plan().checkpoints), limits_(limits) {
    REPRISE_EXPECT(ranks >= 1);
    ranks_.resize(static_cast<std::size_t>(ranks));
    has_trained_.resize(ranks_.size(), false);
    for (auto const& row : history.attempts) learn_time(row);
}

std::vector<DispatcherAction> Dispatcher::handle(DispatcherEvent const& event, Instant now) {
    Actions out;
    if (phase_ == Phase::over) return out;
    std::visit([&](auto const& e) { on(e, now, out); }, event);
    save_if_needed(out);  // before anything new begins
    move_on(now, out);
    save_if_needed(out);
    return out;
}

// ---- the beginning ------------------------------------------------------------------------------

void Dispatcher::on(Begin const& event, Instant now, Actions& out) {
    REPRISE_EXPECT(phase_ == Phase::waiting);
    if (state_.finished() || state_.failed()) {
        repeat_verdict(event);
    } else {
        begin_start(event, now, out);
    }
}

/// Everything is decided already: say it again. At most the row of a start that was killed
/// between its last result and its last word is mended.
void Dispatcher::repeat_verdict(Begin const& event) {
    phase_ = Phase::stopping;
    if (state_.starts().empty()) return;
    this_start_ = state_.starts().back();
    auto const aftermath = assess_lost_start(state_, event.leftovers);
    if (!aftermath.start) return;
    this_start_ = *aftermath.start;
    this_start_.outcome = outcome_of(verdict_now().kind);
    queue_start_row();
}

void Dispatcher::begin_start(Begin const& event, Instant now, Actions& out) {
    phase_ = Phase::training;
    walltime_ = event.walltime;
    if (walltime_) {
        auto const left = std::chrono::duration<double>(walltime_->stop_s() - now.unix_s);
        time_over_ = now.monotonic + std::chrono::duration_cast<Duration>(left);
    }
    auto const aftermath = assess_lost_start(state_, event.leftovers);
    if (aftermath.start) {
        queued_starts_.push_back(*aftermath.start);
        out.push_back(Note{Note::Level::warning, 0, std::nullopt,
                           "start " + std::to_string(aftermath.start->number) +
                               " of this job ended without a word; going on from what it saved"});
    }
    queued_attempts_ = aftermath.attempts;
    for (auto const& row : queued_attempts_) learn_time(row);
    for (auto const& leftover : event.leftovers) {
        auto key = leftover.key;
        int const part = std::exchange(key.part, 0);
        auto& free = free_parts_[key];
        free = std::max(free, part + 1);
    }

    this_start_.number = static_cast<int>(state_.starts().size());
    this_start_.outcome = StartOutcome::running;
    this_start_.start = now.unix_s;
    this_start_.end = now.unix_s;
    this_start_.ranks = static_cast<int>(ranks_.size());
    this_start_.early_reports = state_.early_reports();
    this_start_.host = event.host;
    queue_start_row();

    auto const& plan = state_.plan();
    target_iterations_ =
        std::min(plan.training_iterations, state_.iterations_done() + plan.iterations_per_start);
    if (auto too_short = walltime_too_short(now.unix_s)) {
        failure_ = std::move(too_short);
    } else if (aftermath.give_up) {
        failure_ = Verdict{VerdictKind::failed,
                           {},
                           "the last " + std::to_string(max_fruitless_starts) +
                               " starts of this job ended before any training made a step",
                           {}};
    } else if (this_start_.number > plan.max_restarts) {
        failure_ = Verdict{VerdictKind::failed,
                           {},
                           "this job was started again " + std::to_string(plan.max_restarts) +
                               " times, which is runner.max_restarts",
                           {}};
    }
    // The learning runs become due when the rows above are on disk (on Saved).
}

// ---- what happens during a start ----------------------------------------------------------------

void Dispatcher::on(AttemptEnded const& event, Instant, Actions& out) {
    if (event.rank < 0 || static_cast<std::size_t>(event.rank) >= ranks_.size()) return;
    auto& slot = ranks_[static_cast<std::size_t>(event.rank)];
    if (!slot || slot->key != event.record.key) return;  // late or twice
    auto row = event.record;
    REPRISE_ASSERT(row.outcome != AttemptOutcome::none);
    REPRISE_ASSERT(row.outcome != AttemptOutcome::succeeded || std::isfinite(row.reward));
    row.rank = event.rank;
    row.start_number = this_start_.number;
    slot.reset();
    if (row.steps > 0 || row.outcome == AttemptOutcome::succeeded) this_start_.trained = true;
    remember(row, event.stderr_tail);
    learn_time(row);
    note_result(row, out);
    queued_attempts_.push_back(std::move(row));
}

void Dispatcher::remember(AttemptRecord const& row, std::vector<std::string> const& stderr_tail) {
    int const run = row.key.learning_run;
    if (row.outcome == AttemptOutcome::succeeded) {
        stderr_tails_.erase(run);
        set_up_in_doubt_ = false;
    }
    if (!counts_as_failure(row.outcome)) return;
    stderr_tails_[run] = stderr_tail;
    auto const message = without_numbers(row.message);
    if (quick_message_.empty()) quick_message_ = message;
    bool const quick = row.end - row.start < quick_failure_s;
    if (!quick || message != quick_message_) set_up_in_doubt_ = false;
    if (set_up_in_doubt_) quick_failures_[run] += 1;
}

void Dispatcher::note_result(AttemptRecord const& row, Actions& out) const {
    auto const after = " after " + number_text(row.end - row.start) + " s";
    Note note{Note::Level::info, row.rank, row.key, {}};
    if (row.outcome == AttemptOutcome::succeeded) {
        note.text = "succeeded" + after + ", reward " + number_text(row.reward);
    } else if (counts_as_failure(row.outcome)) {
        note.level = Note::Level::warning;
        note.text = "failed" + after + " (" + name_of(row.outcome) + "): " + row.message +
                    " [failure " + std::to_string(row.key.attempt + 1) + " of " +
                    std::to_string(state_.plan().max_attempts) + "]";
    } else {
        note.text = std::string(name_of(row.outcome)) + after;
    }
    out.push_back(std::move(note));
}

void Dispatcher::on(StepsMade const& event, Instant, Actions&) {
    if (event.rank < 0 || static_cast<std::size_t>(event.rank) >= ranks_.size()) return;
    auto& slot = ranks_[static_cast<std::size_t>(event.rank)];
    if (!slot || slot->key != event.key) return;
    slot->done = event.done;
    slot->reward = event.reward;
    if (event.steps > 0) this_start_.trained = true;
    if (phase_ == Phase::training) queue_milestones();
}

void Dispatcher::on(Saved const& event, Instant, Actions& out) {
    if (!under_way_ || under_way_->generation != event.generation) return;
    auto const saved = std::move(*under_way_);
    under_way_.reset();
    for (auto const& row : saved.starts) state_.apply(row);
    bool news = false;
    for (auto const& row : saved.attempts) {
        state_.apply(row);
        news = news || row.outcome == AttemptOutcome::succeeded;
    }
    if (phase_ == Phase::training) {
        if (saved.generation == 1) {
            for (int run = 0; run < state_.plan().learning_runs; ++run) mark_due(run);
        } else {
            for (auto const& row : saved.attempts) mark_due(row.key.learning_run);
        }
    }
    if (news) out.push_back(SendProgress{state_.progress()});
    for (auto& metrics : reports_under_way_) out.push_back(SendEarlyReport{std::move(metrics)});
    reports_under_way_.clear();
}

void Dispatcher::on(SaveFailed const& event, Instant now, Actions& out) {
    if (!under_way_ || under_way_->generation != event.generation) return;
    under_way_.reset();
    queued_attempts_.clear();
    queued_starts_.clear();
    queued_reports_.clear();
    reports_under_way_.clear();
    disk_failed_ = true;
    failure_ = Verdict{VerdictKind::failed, {}, event.what, {}};
    if (phase_ != Phase::closing) {
        stop(StopReason::job_failed, now, out);
    } else if (verdict_->kind != VerdictKind::terminated) {
        verdict_ = *failure_;
    }
}

void Dispatcher::on(StopRequested const& event, Instant now, Actions& out) {
    if (phase_ == Phase::training || phase_ == Phase::stopping) stop(event.reason, now, out);
}

void Dispatcher::on(Tick const&, Instant now, Actions& out) {
    if (phase_ == Phase::training) {
        if (!time_over_ || now.monotonic < *time_over_) return;
        time_over_.reset();
        if (idle()) return;  // and nothing fits any more
        out.push_back(Note{Note::Level::info, 0, std::nullopt,
                           "the job's time is nearly over: stopping the trainings"});
        stop(StopReason::time_limit, now, out);
        return;
    }
    if (!deadline_ || now.monotonic < *deadline_) return;
    // Ranks that did not answer in time: their attempts have no row, the next start finds them.
    for (auto& slot : ranks_) slot.reset();
    deadline_.reset();
}

// ---- starting and stopping ----------------------------------------------------------------------

void Dispatcher::mark_due(int learning_run) {
    if (state_.complete(learning_run) || state_.exhausted(learning_run)) return;
    int const done = state_.runs()[static_cast<std::size_t>(learning_run)].iterations_done;
    if (done < target_iterations_) due_.emplace(done, learning_run);
}

bool Dispatcher::idle() const {
    return std::none_of(ranks_.begin(), ranks_.end(), [](auto const& slot) { return bool(slot); });
}

bool Dispatcher::nothing_to_save() const {
    return !under_way_ && queued_attempts_.empty() && queued_starts_.empty();
}

/// The run that is furthest behind first, so that reruns stay abreast; retries come at once.
void Dispatcher::start_trainings(Instant now, Actions& out) {
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
        if (ranks_[rank]) continue;
        auto const next = std::find_if(due_.begin(), due_.end(), [&](auto const& due) {
            return fits(rank, due.second, now.unix_s);
        });
        if (next == due_.end()) continue;
        int const run = next->second;
        due_.erase(next);
        start_training(rank, run, out);
    }
}

void Dispatcher::start_training(std::size_t rank, int learning_run, Actions& out) {
    Training training;
    training.key = state_.next_attempt(learning_run);
    auto const& key = training.key;
    if (auto const free = free_parts_.find({learning_run, key.iteration, key.attempt, 0});
        free != free_parts_.end()) {
        training.key.part = std::max(key.part, free->second);
    }
    auto const seed =
        derive_seed(state_.plan().base_seed, learning_run, key.iteration, key.attempt);
    training.reward = std::numeric_limits<double>::quiet_NaN();
    ranks_[rank] = training;
    has_trained_[rank] = true;
    trained_runs_.insert(learning_run);
    out.push_back(StartAttempt{static_cast<int>(rank), training.key, seed,
                               state_.runs()[static_cast<std::size_t>(learning_run)].last_success});
}

void Dispatcher::stop(StopReason reason, Instant now, Actions& out) {
    if (stop_reason_ && (is_urgent(*stop_reason_) || !is_urgent(reason))) return;
    stop_reason_ = reason;
    phase_ = Phase::stopping;
    due_.clear();
    auto const limit = time_to_stop(reason, now.unix_s);
    std::optional<Duration> kill_after;
    // What was killed has to be reported, too.
    if (!is_urgent(reason)) {
        kill_after = limit - std::min<Duration>(limit / 4, std::chrono::seconds(2));
    }
    auto const deadline = now.monotonic + limit;
    if (!deadline_ || deadline < *deadline_) deadline_ = deadline;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
        if (!ranks_[rank]) continue;
        out.push_back(StopAttempt{static_cast<int>(rank), ranks_[rank]->key, reason, kill_after});
    }
}

void Dispatcher::move_on(Instant now, Actions& out) {
    if (phase_ == Phase::training) {
        if (!failure_) failure_ = failure();
        if (failure_) {
            stop(StopReason::job_failed, now, out);
        } else if (!common_quick_failure()) {  // else nothing more is tried: it is being saved
            start_trainings(now, out);
            queue_milestones();
            if (idle() && nothing_to_save()) {
                if (!due_.empty()) nothing_fits(now.unix_s);
                close(now);
            }
        }
    }
    if (phase_ == Phase::stopping && idle() && nothing_to_save()) close(now);
    if (phase_ == Phase::closing && nothing_to_save()) finish(out);
}

void Dispatcher::save_if_needed(Actions& out) {
    if (under_way_ || nothing_to_save()) return;
    under_way_ = Save{++generation_, std::move(queued_attempts_), std::move(queued_starts_)};
    queued_attempts_.clear();
    queued_starts_.clear();
    reports_under_way_ = std::move(queued_reports_);
    queued_reports_.clear();
    out.push_back(*under_way_);
}

void Dispatcher::queue_start_row() {
    // The newest version of a row is the only one worth writing.
    std::erase_if(queued_starts_,
                  [&](StartRecord const& row) { return row.number == this_start_.number; });
    queued_starts_.push_back(this_start_);
}

// ---- the end ------------------------------------------------------------------------------------

void Dispatcher::close(Instant now) {
    phase_ = Phase::closing;
    deadline_.reset();
    verdict_ = verdict_now();
    if (this_start_.outcome == StartOutcome::running && !disk_failed_) {
        this_start_.outcome = outcome_of(verdict_->kind);
        this_start_.end = now.unix_s;
        queue_start_row();
    }
    if (verdict_->kind == VerdictKind::done) queue_milestones();
}

void Dispatcher::finish(Actions& out) {
    if (verdict_->kind == VerdictKind::done) {
        std::vector<double> rewards;
        for (int run = 0; run < state_.plan().learning_runs; ++run) {
            if (!state_.complete(run)) continue;
            rewards.push_back(state_.runs()[static_cast<std::size_t>(run)].last_reward);
        }
        verdict_->metrics = metrics_of(rewards);
        verdict_->metrics.emplace_back("time_elapsed", state_.time_elapsed());
    }
    phase_ = Phase::over;
    out.push_back(Finish{*verdict_});
}

Verdict Dispatcher::verdict_now() const {
    if (stop_reason_ == StopReason::terminated) {
        return {VerdictKind::terminated, {}, "ended by a signal", {}};
    }
    if (failure_) return *failure_;
    if (auto failed = failure()) return *failed;
    if (state_.finished()) return {VerdictKind::done, {}, {}, {}};
    if (stop_reason_ == StopReason::time_limit) {
        return {VerdictKind::resume, {}, "the job's time is nearly over", {}};
    }
    if (stop_reason_ == StopReason::launcher_lost) {
        return {VerdictKind::resume, {}, "the launcher is gone", {}};
    }
    if (!out_of_time_.empty()) return {VerdictKind::resume, {}, out_of_time_, {}};
    return {VerdictKind::resume,
            {},
            std::to_string(state_.iterations_done()) + " of " +
                std::to_string(state_.plan().training_iterations) + " training iterations are done",
            {}};
}

std::optional<Verdict> Dispatcher::failure() const {
    // The verdict tells of the last attempt: wait until its row counts.
    auto const common = nothing_to_save() ? common_quick_failure() : std::nullopt;
    if (!state_.failed() && !common) return std::nullopt;
    int worst = 0;
    for (int run = 0; run < state_.plan().learning_runs; ++run) {
        if (state_.exhausted(run) || (common && quick_failures_.contains(run))) worst = run;
    }
    auto const& run = state_.runs()[static_cast<std::size_t>(worst)];
    if (!run.last_failure) return std::nullopt;
    auto const& row = *run.last_failure;
    Verdict verdict;
    if (state_.failed()) {
        verdict.reason = "learning run " + std::to_string(worst) + " failed " +
                         times(run.failed_attempts) + ", which is max_attempts: " + row.message;
    } else {
        verdict.reason = "every learning run failed " + times(quick_failures_of_each_run) +
                         " within seconds, always with: " + row.message +
                         ". This looks like a mistake in the set-up, so nothing more is tried";
    }
    verdict.details.push_back("Last attempt: " + directory_name(row.key) + " on " +
                              (row.host.empty() ? "an unknown host" : row.host) + ", " +
                              name_of(row.outcome));
    if (auto const tail = stderr_tails_.find(worst); tail != stderr_tails_.end()) {
        verdict.details.insert(verdict.details.end(), tail->second.begin(), tail->second.end());
    }
    return verdict;
}

std::optional<std::string> Dispatcher::common_quick_failure() const {
    if (!set_up_in_doubt_ ||
        quick_failures_.size() < static_cast<std::size_t>(state_.plan().learning_runs)) {
        return std::nullopt;
    }
    for (auto const& [run, count] : quick_failures_) {
        if (count < quick_failures_of_each_run) return std::nullopt;
    }
    return quick_message_;
}

// ---- numbers ------------------------------------------------------------------------------------

Dispatcher::Training const* Dispatcher::training_of(int learning_run) const {
    for (auto const& slot : ranks_) {
        if (slot && slot->key.learning_run == learning_run) return &*slot;
    }
    return nullptr;
}

double Dispatcher::done_fraction(int learning_run) const {
    auto const& plan = state_.plan();
    auto const& run = state_.runs()[static_cast<std::size_t>(learning_run)];
    double done = run.iterations_done;
    auto const* training = training_of(learning_run);
    if (training != nullptr && plan.steps_per_iteration > 0 && !state_.complete(learning_run)) {
        done += std::min(
            static_cast<double>(training->done) / static_cast<double>(plan.steps_per_iteration),
            0.999999);
    }
    return done / plan.training_iterations;
}

/// Milestone k of n: every learning run has made k/n of all its steps.
void Dispatcher::queue_milestones() {
    auto const& plan = state_.plan();
    if (plan.early_reports == 0 || this_start_.early_reports >= plan.early_reports) return;
    double least = 1.0;
    std::vector<double> rewards;
    for (int run = 0; run < plan.learning_runs; ++run) {
        if (state_.exhausted(run)) continue;
        least = std::min(least, done_fraction(run));
        auto const* training = training_of(run);
        bool const live = training != nullptr && std::isfinite(training->reward);
        auto const reward =
            live ? training->reward : state_.runs()[static_cast<std::size_t>(run)].last_reward;
        if (!std::isfinite(reward)) return;
        rewards.push_back(reward);
    }
    if (rewards.empty()) return;
    int const passed = static_cast<int>(std::floor(least * plan.early_reports + 1e-9));
    if (passed <= this_start_.early_reports) return;
    for (int k = this_start_.early_reports; k < passed; ++k) {
        queued_reports_.push_back(metrics_of(rewards));
    }
    this_start_.early_reports = passed;
    queue_start_row();
}

Metrics Dispatcher::metrics_of(std::vector<double> const& rewards) const {
    Metrics metrics{{"mean_eprewmean", reduce("mean", rewards)},
                    {"std_eprewmean", reduce("std", rewards)}};
    for (auto const& name : state_.plan().reducers) {
        if (name == "mean" || name == "std") continue;
        if (name == "failure_rate") {
            metrics.emplace_back(name, state_.ended_attempts() == 0
                                           ? 0.0
                                           : static_cast<double>(state_.failed_attempts()) /
                                                 state_.ended_attempts());
        } else {
            metrics.emplace_back(name + "_eprewmean", reduce(name, rewards));
        }
    }
    return metrics;
}

void Dispatcher::check_invariants() const {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
        if (!ranks_[i]) continue;
        int const run = ranks_[i]->key.learning_run;
        REPRISE_ASSERT(training_of(run) == &*ranks_[i]);  // no run is trained twice
        REPRISE_ASSERT(phase_ == Phase::training || phase_ == Phase::stopping);
        REPRISE_ASSERT(!due_.contains({ranks_[i]->key.iteration, run}));
    }
    REPRISE_ASSERT(phase_ != Phase::training || due_.empty() || !idle() || !nothing_to_save());
    REPRISE_ASSERT(phase_ != Phase::over || !under_way_);
    REPRISE_ASSERT((phase_ == Phase::closing || phase_ == Phase::over) == verdict_.has_value());
}

}  // namespace reprise
