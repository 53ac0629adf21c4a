#include "sim/job_world.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "reprise/protocol/rank_messages.hpp"

namespace reprise::sim {
namespace {

constexpr int most_starts = 400;

/// Every message and every row goes through its bytes.
AttemptReport through_bytes(AttemptReport const& report) {
    return std::get<AttemptReport>(decode_payload(encode_payload(report)));
}

}  // namespace

JobWorld::JobWorld(std::uint64_t seed) : random_(seed), seed_(seed) {
    plan_.learning_runs = pick(1, 5);
    plan_.training_iterations = pick(1, 4);
    plan_.max_attempts = pick(1, 4);
    plan_.accept = chance(0.2) ? pick(1, plan_.learning_runs) : plan_.learning_runs;
    plan_.iterations_per_start = pick(1, plan_.training_iterations);
    plan_.early_reports = chance(0.3) ? pick(1, 6) : 0;
    plan_.steps_per_iteration = chance(0.8) ? 1000 : 0;
    plan_.base_seed = random_();
    auto const maybe = [&](double probability) {
        return chance(0.5) ? between(0.0, probability) : 0.0;
    };
    faults_.attempt_fails = maybe(0.5);
    faults_.quick_failures = maybe(1.0);
    faults_.start_crashes = maybe(0.6);
    faults_.launcher_dies = maybe(0.6);
    faults_.time_limit = maybe(0.4);
    faults_.terminated = maybe(0.3);
    faults_.save_fails = chance(0.2) ? between(0.0, 0.1) : 0.0;
    faults_.repeated_reports = maybe(0.5);
    faults_.ignores_stop = maybe(0.5);
    draw_limits();
    draw_checkpoints();
    draw_time();
    drawn_ = faults_;
    faulty_starts_ = pick(0, 12);
    common_mistake_ = chance(0.3);
}

bool JobWorld::chance(double probability) {
    return std::uniform_real_distribution<double>(0.0, 1.0)(random_) < probability;
}
double JobWorld::between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
}
int JobWorld::pick(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random_);
}

void JobWorld::check(bool holds, std::string const& what) const {
    if (!holds) throw std::logic_error(what);
}

void JobWorld::at(double seconds_from_now, std::function<void()> what) {
    happenings_.push({unix_s_ + seconds_from_now, ++order_, std::move(what)});
}

Instant JobWorld::now() const {
    auto const since = std::chrono::nanoseconds(static_cast<std::int64_t>(unix_s_ * 1e9));
    return {TimePoint(since), unix_s_};
}

std::string JobWorld::describe() const {
    return "seed " + std::to_string(seed_) + ": " + std::to_string(plan_.learning_runs) +
           " runs, " + std::to_string(plan_.training_iterations) + " iterations, " +
           std::to_string(plan_.max_attempts) + " attempts, accept " +
           std::to_string(plan_.accept) + ", start " + std::to_string(starts_) + ", " +
           std::to_string(disk_.attempts.size()) + " rows";
}

void JobWorld::run() {
    for (starts_ = 0; starts_ < most_starts; ++starts_) {
        if (starts_ == faulty_starts_) faults_ = {};  // from here on it must come to an end
        auto const end = one_start(pick(1, 6));
        if (!end.verdict) {
            record_loss();
            continue;
        }
        if (end.verdict->kind == VerdictKind::done) {
            check_done(*end.verdict);
            // Once more: the same words again, and nothing written.
            auto const rows = disk_.attempts.size() + disk_.starts.size();
            faults_ = {};
            auto const again = one_start(pick(1, 6));
            check(again.verdict && again.verdict->metrics == end.verdict->metrics,
                  "a stored result changed when it was sent again");
            check(rows == disk_.attempts.size() + disk_.starts.size(),
                  "sending a stored result again wrote rows");
            return;
        }
        if (end.verdict->kind == VerdictKind::failed && !disk_full_) {
            check_failed(*end.verdict);
            auto const tells = [&](char const* what) {
                return end.verdict->reason.find(what) != std::string::npos;
            };
            bool const again = tells("time of this job is too short")
                                   ? gives_more_time()
                                   : tells("before any training made a step");
            if (!again) return;
        }
    }
    check(false, "the job does not come to an end");
}

StartEnd JobWorld::one_start(int ranks) {
    happenings_ = {};
    verdict_.reset();
    last_curve_.clear();
    trained_now_.clear();
    stop_asked_ = crashed_ = disk_full_ = step_made_ = start_row_durable_ = false;
    ranks_.assign(static_cast<std::size_t>(ranks), RankState{});
    dispatcher_.emplace(plan_, disk_, ranks);
    first_iteration_ = dispatcher_->state().iterations_done();
    plan_faults();
    feed(Begin{leftovers(), "node1", begin_time()});
    while (!verdict_ && !crashed_) {
        // Deadlines count like everything else that happens.
        std::optional<double> deadline;
        auto const consider = [&](std::optional<TimePoint> const& point) {
            if (!point) return;
            double const s = static_cast<double>(point->time_since_epoch().count()) * 1e-9;
            if (!deadline || s < *deadline) deadline = s;
        };
        consider(dispatcher_->deadline());
        for (auto const& rank : ranks_) consider(rank.supervisor.deadline());
        check(!happenings_.empty() || deadline.has_value(), "nothing will ever happen again");
        if (deadline && (happenings_.empty() || *deadline <= happenings_.top().at)) {
            unix_s_ = std::max(unix_s_, *deadline) + 1e-6;
            for (int rank = 0; rank < ranks; ++rank) feed_rank(rank, DeadlinePassed{});
            feed(Tick{});
            continue;
        }
        auto const next = happenings_.top();
        happenings_.pop();
        unix_s_ = std::max(unix_s_, next.at);
        next.what();
    }
    unix_s_ += between(1.0, 600.0);  // the queue
    return {verdict_, verdict_.has_value()};
}

void JobWorld::plan_faults() {
    double const length = between(0.0, 4000.0);
    if (chance(faults_.start_crashes)) {
        at(length, [this] { crashed_ = true; });
    } else if (chance(faults_.time_limit)) {
        at(length, [this] {
            stop_asked_ = true;
            feed(StopRequested{chance(0.5) ? StopReason::time_limit : StopReason::launcher_lost});
        });
    }
    if (chance(faults_.terminated)) {
        at(between(0.0, 4000.0), [this] {
            stop_asked_ = true;
            feed(StopRequested{StopReason::terminated});
        });
    }
}

// ---- rank 0 -------------------------------------------------------------------------------------

void JobWorld::feed(DispatcherEvent const& event) {
    if (verdict_ || crashed_) return;
    auto const actions = dispatcher_->handle(event, now());
    dispatcher_->check_invariants();
    for (auto const& action : actions) std::visit([this](auto const& a) { perform(a); }, action);
}

void JobWorld::perform(StartAttempt const& action) {
    auto const& key = action.key;
    check(!book_.contains(key), directory_name(key) + " was started twice");
    check(trained_now_.insert(key.learning_run).second, "one learning run trains twice at once");
    check(failures_in_book(key.learning_run) == key.attempt, "the attempt counts wrongly");
    check(key.attempt < plan_.max_attempts, "more attempts than max_attempts");
    check(key.iteration < first_iteration_ + plan_.iterations_per_start,
          "one start trains more iterations than it should");
    if (key.iteration > 0) {
        check(action.loaded_from.has_value(), "a continued training loads nothing");
        auto const& before = book_.at(*action.loaded_from);
        check(before.truth == AttemptOutcome::succeeded && before.durable,
              "a training continues one that is not safe");
        check(action.loaded_from->iteration == key.iteration - 1, "an iteration was left out");
    } else {
        check(!action.loaded_from, "a first training loads a model");
    }
    if (key.part == 0) check(seeds_.insert(action.seed).second, "two attempts got one seed");
    book_[key].start = unix_s_;
    auto const steps_before = begin_part(key);
    check_time_of(action);
    auto& rank = ranks_.at(static_cast<std::size_t>(action.rank));
    check(rank.supervisor.idle(), "a rank was given two trainings");
    at(between(0.0, 0.01), [this, action, steps_before] {
        ranks_[static_cast<std::size_t>(action.rank)].seed = action.seed;
        feed_rank(action.rank, Ordered{action.key, action.seed, model_of(action.key),
                                       "progress.csv", "reward", limits_, steps_before});
    });
}

void JobWorld::perform(StopAttempt const& action) {
    at(between(0.0, 0.01), [this, action] {
        auto& state = ranks_.at(static_cast<std::size_t>(action.rank));
        if (state.supervisor.key() == action.key && state.over_limit == AttemptOutcome::none) {
            state.stop_asked = true;
        }
        feed_rank(action.rank, StopAsked{action.key, action.reason, action.kill_after});
    });
}

void JobWorld::perform(Save const& action) {
    at(chance(0.8) ? 0.0 : between(0.0, 3.0), [this, action] { save(action); });
}

void JobWorld::save(Save const& action) {
    if (disk_full_ || chance(faults_.save_fails)) {
        disk_full_ = true;
        feed(SaveFailed{action.generation, "cannot write (disk full)"});
        return;
    }
    for (auto const& row : action.starts) {
        auto const index = static_cast<std::size_t>(row.number);
        check(index <= disk_.starts.size(), "a start was left out");
        if (index == disk_.starts.size()) disk_.starts.push_back(row);
        disk_.starts[index] = row;
        start_row_durable_ = start_row_durable_ || row.outcome == StartOutcome::running;
    }
    for (auto const& row : action.attempts) {
        disk_.attempts.push_back(row);
        auto& entry = book_.at(row.key);
        check(row.outcome == AttemptOutcome::lost || row.outcome == entry.truth,
              directory_name(row.key) + " was recorded as " + name_of(row.outcome) + " but " +
                  name_of(entry.truth));
        if (row.outcome == AttemptOutcome::lost) entry.truth = AttemptOutcome::lost;
        entry.durable = true;
        if (row.outcome == AttemptOutcome::succeeded) {
            auto const& part = parts_.at(row.key);
            model_counter_[row.key.learning_run] = part.start + part.asked;
        }
    }
    feed(Saved{action.generation});
}

void JobWorld::perform(SendProgress const& action) {
    check(action.fraction > 0.0 && action.fraction <= 1.0, "progress outside (0, 1]");
    check(action.fraction >= announced_progress_, "progress went back");
    announced_progress_ = action.fraction;
    int durable = 0;
    for (auto const& [key, entry] : book_) {
        durable += entry.durable && entry.truth == AttemptOutcome::succeeded ? 1 : 0;
    }
    int settled = durable;
    for (int run = 0; run < plan_.learning_runs; ++run) {
        if (failures_in_book(run) < plan_.max_attempts) continue;
        int done = 0;
        for (auto const& [key, entry] : book_) {
            done += key.learning_run == run && entry.truth == AttemptOutcome::succeeded ? 1 : 0;
        }
        settled += plan_.training_iterations - done;
    }
    check(action.fraction * plan_.learning_runs * plan_.training_iterations < settled + 1e-9,
          "progress was announced that is not on disk");
}

void JobWorld::perform(SendEarlyReport const& action) {
    early_reports_ += 1;
    check(early_reports_ <= plan_.early_reports, "too many early reports");
    for (auto const& [name, value] : action.metrics) check(std::isfinite(value), name + " is not");
}

void JobWorld::perform(Finish const& action) {
    auto const kind = action.verdict.kind;
    verdict_ = action.verdict;
    check(kind != VerdictKind::terminated || stop_asked_, "ended though nobody asked");
    check_end_of_time(action.verdict);
    if (kind == VerdictKind::resume && !stop_asked_ && !walltime_) {
        int least = plan_.training_iterations;
        for (int run = 0; run < plan_.learning_runs; ++run) {
            if (dispatcher_->state().exhausted(run)) continue;
            least = std::min(
                least, dispatcher_->state().runs()[static_cast<std::size_t>(run)].iterations_done);
        }
        check(least > 0, "left for a resume before an iteration of all reruns was done");
    }
    if (!disk_full_) {
        check(!disk_.starts.empty() && disk_.starts.back().outcome != StartOutcome::running,
              "ended without closing the row of its start");
    }
}

// ---- the other ranks ----------------------------------------------------------------------------

void JobWorld::feed_rank(int rank, SupervisorEvent const& event) {
    if (verdict_ || crashed_) return;
    auto& supervisor = ranks_[static_cast<std::size_t>(rank)].supervisor;
    for (auto const& action : supervisor.handle(event, now())) {
        std::visit([this, rank](auto const& a) { perform_on(rank, a); }, action);
    }
}

void JobWorld::perform_on(int rank, StartTraining const&) {
    auto& state = ranks_[static_cast<std::size_t>(rank)];
    auto const key = *state.supervisor.key();
    auto const training = ++state.training;
    state.deaf = chance(faults_.ignores_stop);
    state.start = unix_s_;
    state.stop_asked = state.told_to_stop = false;
    state.over_limit = AttemptOutcome::none;
    last_end_.erase(rank);
    TrainingFacts facts;
    facts.end = TrainingFacts::End::learner_ended;
    facts.exit_code = 0;
    double length = length_of(key);
    auto& entry = book_.at(key);
    entry.reward = between(-1.0, 1.0);
    if (chance(faults_.attempt_fails)) {
        facts.exit_code = 1;
        facts.message = common_mistake_
                            ? "cannot import x (line 17)"
                            : "out of luck " + std::string(1, static_cast<char>('a' + pick(0, 25)));
        if (chance(faults_.quick_failures)) length = between(0.0, 5.0);
        if (chance(0.1)) {
            facts.end = TrainingFacts::End::backend_died;
        } else if (chance(0.1)) {
            facts.exit_code = 0;  // ends well, but its reward is NaN
            entry.reward = std::numeric_limits<double>::quiet_NaN();
        }
    }
    if (facts.exit_code != 0 && chance(0.05)) {
        at(0.0, [this, rank] { feed_rank(rank, StartFailed{"cannot create directory"}); });
        entry.truth = AttemptOutcome::not_started;
        return;
    }
    plan_excesses(rank, length);
    plan_steps(rank, length);
    at(length, [this, rank, training, facts] { training_ends(rank, training, facts); });
}

void JobWorld::training_ends(int rank, std::uint64_t training, TrainingFacts const& facts) {
    auto& state = ranks_[static_cast<std::size_t>(rank)];
    if (state.training != training || state.supervisor.idle()) return;
    state.training += 1;  // it has ended: whatever else was to come does not
    last_end_[rank] = facts;
    feed_rank(rank, TrainingOver{facts});
}

void JobWorld::perform_on(int rank, StopTraining const&) {
    auto& state = ranks_[static_cast<std::size_t>(rank)];
    check(!std::exchange(state.told_to_stop, true), "told to stop twice");
    blame_limit(state, false);
    // Saving a model takes memory, too.
    if (!kernel_watches_memory_ && chance(faults_.eats)) state.eats_from = unix_s_;
    TrainingFacts facts;
    facts.end = TrainingFacts::End::stopped;
    facts.signal = 15;
    auto const training = state.training;
    at(state.deaf ? 8.0 : between(0.0, 1.0),
       [this, rank, training, facts] { training_ends(rank, training, facts); });
}

void JobWorld::perform_on(int rank, KillTraining const&) {
    TrainingFacts facts;
    facts.end = TrainingFacts::End::stopped;
    facts.signal = 9;
    auto& state = ranks_[static_cast<std::size_t>(rank)];
    blame_limit(state, true);
    auto const training = state.training;
    at(0.01, [this, rank, training, facts] { training_ends(rank, training, facts); });
}

void JobWorld::perform_on(int rank, ReadCurve const&) {
    auto const key = *ranks_[static_cast<std::size_t>(rank)].supervisor.key();
    auto& entry = book_.at(key);
    // Only a checkpoint that followed may tell how its learner has counted in the last row.
    auto const& rows = parts_.at(key).rows;
    if (!rows.empty()) entry.steps = scale_of(key).attempt_counter(rows.back());
    CurveFacts facts;
    facts.file_found = true;
    facts.steps = entry.steps;
    if (std::isnan(entry.reward)) {
        facts.reward = RewardNotFinite{"nan"};
    } else {
        facts.reward = RewardValue{entry.reward};
    }
    feed_rank(rank, CurveRead{facts});
}

void JobWorld::perform_on(int rank, ReportAttempt const& action) {
    auto const report = through_bytes({action.record, {}});
    if (auto const end = last_end_.find(rank); end != last_end_.end()) {
        check_outcome(ranks_[static_cast<std::size_t>(rank)], end->second, report.record);
    }
    book_.at(report.record.key).truth = report.record.outcome;
    if (report.record.outcome == AttemptOutcome::succeeded) part_succeeds(report.record);
    auto const arrive = [this, rank, report] {
        trained_now_.erase(report.record.key.learning_run);
        learn_length(report.record);
        feed(AttemptEnded{rank, report.record, report.stderr_tail});
    };
    at(between(0.0, 0.01), arrive);
    if (chance(faults_.repeated_reports)) {
        at(between(0.01, 100.0), [this, rank, report] {
            feed(AttemptEnded{rank, report.record, report.stderr_tail});
        });
    }
}

// ---- after a crash ------------------------------------------------------------------------------

std::vector<LeftoverAttempt> JobWorld::leftovers() const {
    std::vector<LeftoverAttempt> result;
    for (auto const& [key, entry] : book_) {
        result.push_back({key, entry.steps, entry.start, unix_s_, model_of(key)});
    }
    return result;
}

void JobWorld::record_loss() {
    for (auto const& rank : ranks_) {
        if (auto const key = rank.supervisor.key()) orphan_goes_on(*key);
    }
    // By the book: what was not saved did not happen.
    for (auto& [key, entry] : book_) {
        if (!entry.durable) entry.truth = AttemptOutcome::lost;
    }
    if (chance(faults_.launcher_dies)) return;
    JobState state(plan_, disk_);
    if (state.finished() || state.failed() || !start_row_durable_) return;
    auto const aftermath = assess_lost_start(state, leftovers());
    for (auto const& row : aftermath.attempts) {
        disk_.attempts.push_back(row);
        book_.at(row.key).durable = true;
    }
    if (aftermath.start) {
        disk_.starts.at(static_cast<std::size_t>(aftermath.start->number)) = *aftermath.start;
        if (step_made_) check(!aftermath.give_up, "gave up though a step was made");
    }
}

int JobWorld::failures_in_book(int run) const {
    int count = 0;
    for (auto const& [key, entry] : book_) {
        count += key.learning_run == run && entry.durable && counts_as_failure(entry.truth) ? 1 : 0;
    }
    return count;
}

// ---- the end ------------------------------------------------------------------------------------

void JobWorld::check_done(Verdict const& verdict) const {
    double sum = 0.0;
    int count = 0;
    int failed_for_good = 0;
    for (int run = 0; run < plan_.learning_runs; ++run) {
        int done = 0;
        double last = 0.0;
        for (auto const& [key, entry] : book_) {  // in the order of the keys: iterations ascend
            if (key.learning_run != run || entry.truth != AttemptOutcome::succeeded) continue;
            check(entry.durable, "a reward that is not safe was announced");
            done += 1;
            last = entry.reward;
        }
        if (done == plan_.training_iterations) {
            sum += last;
            count += 1;
        } else {
            check(failures_in_book(run) >= plan_.max_attempts, "a learning run was forgotten");
            failed_for_good += 1;
        }
    }
    check(count >= plan_.accept, "done with too few learning runs");
    check(failed_for_good <= plan_.learning_runs - plan_.accept, "done though it has failed");
    check(std::abs(verdict.metrics.at(0).second - sum / count) < 1e-9, "the mean is wrong");
    for (auto const& [name, value] : verdict.metrics) check(std::isfinite(value), name + " is not");
    if (plan_.early_reports > 0 && faulty_starts_ == 0) {
        check(early_reports_ == plan_.early_reports, "early reports are missing");
    }
}

void JobWorld::check_failed(Verdict const& verdict) const {
    int failed_for_good = 0;
    for (int run = 0; run < plan_.learning_runs; ++run) {
        failed_for_good += failures_in_book(run) >= plan_.max_attempts ? 1 : 0;
    }
    bool const exhausted = plan_.learning_runs - failed_for_good < plan_.accept;
    bool const set_up = verdict.reason.find("mistake in the set-up") != std::string::npos;
    bool const fruitless =
        verdict.reason.find("before any training made a step") != std::string::npos;
    bool const too_short =
        verdict.reason.find("time of this job is too short") != std::string::npos;
    check(exhausted || set_up || fruitless || too_short,
          "failed without a reason: " + verdict.reason);
    if (too_short) check_too_short();
    if (set_up) {
        bool const no_directory =
            verdict.reason.find("cannot create directory") != std::string::npos;
        check(drawn_.attempt_fails > 0.0 && (drawn_.quick_failures > 0.0 || no_directory),
              "no quick failures");
    }
    if (fruitless) {
        check(drawn_.start_crashes + drawn_.time_limit + drawn_.save_fails > 0.0 || walltime_,
              "no lost starts");
    }
}

}  // namespace reprise::sim
