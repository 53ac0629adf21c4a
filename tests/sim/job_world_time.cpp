// The time that the world's starts have, and what its book says of what they do with it.
#include <algorithm>
#include <string>

#include "sim/job_world.hpp"

namespace reprise::sim {
namespace {

AttemptKey whole(AttemptKey key) {
    key.part = 0;
    return key;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

/// Some jobs have no end; of the others many have less time than they need.
void JobWorld::draw_time() {
    if (chance(0.5)) return;
    time_s_ = between(100.0, 6000.0);
    margin_s_ = chance(0.2)   ? 0.0
                : chance(0.1) ? between(0.0, 1.2) * time_s_
                              : std::min(0.2 * time_s_, between(5.0, 120.0));
    // Whose steps nobody knows is asked for all of them again, however far its checkpoint was.
    if (plan_.steps_per_iteration == 0) plan_.checkpoints = false;
    if (chance(0.5)) plan_.iterations_per_start = plan_.training_iterations;  // auto
}

/// Of the start that begins now. Its launcher began a little earlier; longer, if it had to wait for
/// the one before.
std::optional<Walltime> JobWorld::begin_time() {
    walltime_.reset();
    trainings_of_rank_.clear();
    trainings_of_run_.clear();
    shortest_.reset();
    longest_.reset();
    for (auto const& row : disk_.attempts) learn_length(row);
    if (time_s_ > 0.0) {
        double const began = unix_s_ - (chance(0.1) ? between(0.0, 120.0) : between(0.3, 2.0));
        walltime_ = Walltime{began, began + time_s_, margin_s_};
    }
    return walltime_;
}

/// The same for all parts of an attempt, as far as they have the same to do.
double JobWorld::length_of(AttemptKey const& key) {
    auto const [length, is_new] = lengths_.try_emplace(whole(key), 0.0);
    if (is_new) length->second = between(200.0, 1500.0);
    constexpr double all_steps = 1000.0;
    return length->second * static_cast<double>(parts_.at(key).asked) / all_steps;
}

/// The directory of the part whose checkpoint it went on from; empty: of none.
std::string JobWorld::model_of(AttemptKey key) const {
    auto const from = parts_.at(key).went_on_from;
    if (!from) return {};
    key.part = *from;
    return directory_name(key);
}

void JobWorld::check_time_of(StartAttempt const& action) {
    bool const first_of_rank = trainings_of_rank_[action.rank]++ == 0;
    bool const first = trainings_of_run_[action.key.learning_run]++ == 0 && first_of_rank;
    if (!walltime_) return;
    double const left = walltime_->stop_s() - unix_s_;
    check(left > 0.0, "a training was started when the time was over");
    if (plan_.checkpoints || !shortest_) return;
    check(first || *longest_ <= left, "a training was started that cannot end");
    check(*shortest_ <= left, "a training was started for which there was never time enough");
}

/// A training has ended well, and rank 0 is about to hear of it.
void JobWorld::learn_length(AttemptRecord const& row) {
    if (row.outcome != AttemptOutcome::succeeded) return;
    double const took = row.end - row.start;
    shortest_ = std::min(shortest_.value_or(took), took);
    longest_ = std::max(longest_.value_or(took), took);
}

/// Whatever its ranks and trainings do, the start has left before its end.
void JobWorld::check_end_of_time(Verdict const& verdict) {
    bool const no_time = verdict.reason.find("too short") != std::string::npos;
    check(!no_time || verdict.kind == VerdictKind::failed || walltime_,
          "left for want of time that nobody has limited");
    if (!walltime_) return;
    // The world's disk may take 3 s for each of the last three saves.
    constexpr double for_saving = 9.5;
    auto const margin =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(walltime_->margin_s));
    double const spared = std::max(0.0, for_saving - seconds(time_to_leave(margin)));
    double const left = walltime_->stop_s() - unix_s_;
    check(walltime_->end_s - unix_s_ > -spared || trainings_of_rank_.empty(),
          "the job was still there at its end");
    if (verdict.kind != VerdictKind::resume || !no_time) return;
    check(idle_ranks() == static_cast<int>(ranks_.size()), "left though trainings ran");
    if (!trainings_of_rank_.empty()) return;  // what is due has had its turn, or another rank has
    if (plan_.checkpoints) check(left <= 0.0, "left though it could have gone on");
    check(left <= 0.0 || (shortest_ && *shortest_ > left), "left though there was time enough");
}

int JobWorld::idle_ranks() const {
    return static_cast<int>(std::count_if(ranks_.begin(), ranks_.end(), [](RankState const& rank) {
        return rank.supervisor.idle();
    }));
}

/// An error for want of time is right when the last two starts had come to nothing.
void JobWorld::check_too_short() const {
    check(disk_.starts.size() >= 2, "a first start was too short");
    auto const last = static_cast<int>(disk_.starts.size()) - 1;  // the one that says so
    int count = 0;
    for (int number = last - 1; number >= 0 && count < 2; --number, ++count) {
        auto const& start = disk_.starts[static_cast<std::size_t>(number)];
        check(start.outcome == StartOutcome::resume, "a start before did not leave in order");
        for (auto const& row : disk_.attempts) {
            bool const ended =
                row.outcome == AttemptOutcome::succeeded || counts_as_failure(row.outcome);
            check(row.start_number != number || !ended || count > 0,
                  "too short, though the start before has brought it further");
        }
        if (!start.trained) return;  // one that could begin nothing, and now another one
    }
}

/// What a user does then: gives up, or gives the job more time.
bool JobWorld::gives_more_time() {
    if (chance(0.3)) return false;
    time_s_ *= 2.0;
    margin_s_ = std::min(margin_s_, 0.2 * time_s_);
    return true;
}

}  // namespace reprise::sim
