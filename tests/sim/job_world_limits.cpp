// What trainings do beyond their limits, and what the world's book says of that.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "sim/job_world.hpp"

namespace reprise::sim {

/// Of runs that go well some take longer than the time limit; silence and appetite are faults.
void JobWorld::draw_limits() {
    using std::chrono::seconds;
    limits_.stop_grace = seconds(pick(0, 5));
    if (chance(0.3)) limits_.run_time = seconds(pick(600, 3000));
    if (chance(0.3)) {
        limits_.stall = seconds(pick(20, 400));
        faults_.hangs = between(0.0, 0.4);
    }
    if (chance(0.1)) {
        limits_.memory_mb = 1000;
        kernel_watches_memory_ = chance(0.5);
        faults_.eats = between(0.0, 0.4);
    }
}

/// What the training that begins will do beyond its limits.
void JobWorld::plan_excesses(int rank, double& length) {
    auto& state = ranks_[static_cast<std::size_t>(rank)];
    constexpr double never = 1e12;
    double const stall = std::chrono::duration<double>(limits_.stall).count();
    state.writes_every = between(0.01, 0.8) * std::max(stall, 1.0);
    state.silent_from = state.eats_from = never;
    if (limits_.run_time > Duration::zero() && chance(0.1 * faults_.time_limit)) {
        // The job's time and the training's are over together.
        double const limit = std::chrono::duration<double>(limits_.run_time).count();
        at(limit + between(-5.0, 1.0), [this] {
            stop_asked_ = true;
            feed(StopRequested{StopReason::time_limit});
        });
    }
    if (chance(faults_.hangs)) {
        state.silent_from = unix_s_ + between(0.0, length);
        length = never;
    }
    if (!chance(faults_.eats)) return;
    double const eats_after = between(15.0, 1500.0);
    state.eats_from = unix_s_ + eats_after;
    // The kernel kills at once: the learner itself, or a worker, and then the learner waits for it.
    if (!kernel_watches_memory_ || eats_after > length) return;
    bool const learner = chance(0.5);
    length = learner ? length : never;
    if (!learner) return;
    TrainingFacts facts;
    facts.end = TrainingFacts::End::learner_ended;
    facts.signal = 9;
    facts.out_of_memory = OutOfMemory::in_run;
    auto const training = state.training;
    at(eats_after, [this, rank, training, facts] { training_ends(rank, training, facts); });
}

double JobWorld::last_sign_of(RankState const& state) const {
    double const until = std::min(unix_s_, state.silent_from);
    return state.start +
           std::floor((until - state.start) / state.writes_every) * state.writes_every;
}

bool JobWorld::uses_too_much(RankState const& state) const { return unix_s_ >= state.eats_from; }

/// By the book: why was this training told to end? Nothing but a stop of the job's or a limit will
/// do, and the first of them counts.
void JobWorld::blame_limit(RankState& state, bool killed) {
    constexpr double slack = 0.001;
    auto const seconds = [](Duration duration) {
        return std::chrono::duration<double>(duration).count();
    };
    if (state.stop_asked || state.over_limit != AttemptOutcome::none) return;
    double const silence = unix_s_ - last_sign_of(state);
    if (killed) {
        check(uses_too_much(state), "killed for memory that it did not use");
        check(unix_s_ < state.eats_from + 1.0 + slack, "too much memory was seen late");
        state.over_limit = AttemptOutcome::out_of_memory;
    } else if (limits_.run_time > Duration::zero() &&
               unix_s_ - state.start > seconds(limits_.run_time) - slack) {
        check(unix_s_ - state.start < seconds(limits_.run_time) + slack, "overran its limit");
        state.over_limit = AttemptOutcome::time_limit_exceeded;
    } else {
        check(limits_.stall > Duration::zero(), "stopped for no reason");
        check(silence > seconds(limits_.stall) - slack, "stopped though it lived");
        check(silence < 1.2 * seconds(limits_.stall) + slack, "was left silent for too long");
        state.over_limit = AttemptOutcome::stalled;
    }
}

/// The outcome that the book tells.
void JobWorld::check_outcome(RankState const& state, TrainingFacts const& facts,
                             AttemptRecord const& record) const {
    using End = TrainingFacts::End;
    auto expected = AttemptOutcome::learner_failed;
    if (facts.end == End::learner_ended && facts.exit_code == 0) {
        expected = std::isnan(book_.at(record.key).reward) ? AttemptOutcome::reward_not_finite
                                                           : AttemptOutcome::succeeded;
    } else if (state.over_limit != AttemptOutcome::none) {
        expected = state.over_limit;
    } else if (state.stop_asked) {
        expected = AttemptOutcome::interrupted;
    } else if (facts.out_of_memory == OutOfMemory::in_run) {
        expected = AttemptOutcome::out_of_memory;
    } else if (facts.end == End::backend_died) {
        expected = AttemptOutcome::backend_died;
    } else {
        check(facts.end == End::learner_ended, "stopped by nobody");
    }
    check(record.outcome == expected, directory_name(record.key) + " was judged as " +
                                          name_of(record.outcome) + " but " + name_of(expected));
}

void JobWorld::perform_on(int rank, LookForLife const&) {
    auto const& state = ranks_[static_cast<std::size_t>(rank)];
    SignsOfLife signs;
    signs.stdout_file = std::llround((last_sign_of(state) - state.start) / state.writes_every);
    feed_rank(rank, LifeSeen{signs});
}

void JobWorld::perform_on(int rank, LookAtMemory const&) {
    auto const& state = ranks_[static_cast<std::size_t>(rank)];
    bool const over = uses_too_much(state);
    feed_rank(rank, kernel_watches_memory_ ? MemorySeen{0.0, over}
                                           : MemorySeen{over ? 1001.0 : 999.0, false});
}

}  // namespace reprise::sim
