// What the dispatcher starts and stops by the clock.
#include <algorithm>

#include "reprise/core/dispatcher.hpp"

namespace reprise {
namespace {

Duration from_seconds(double seconds) {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::max(0.0, seconds)));
}

}  // namespace

/// Whether a training of this learning run that starts now on this rank can end in time.
///
/// The first one of a rank waits in vain for more time: other starts have no more. So only what no
/// iteration was ever short enough for is left out, and nothing at all where it can go on from a
/// checkpoint in the next start. Later ones are better off in the next start unless they end in
/// this one even if they take as long as any did.
bool Dispatcher::fits(std::size_t rank, int learning_run, double now_s) const {
    if (!walltime_) return true;
    double const left = walltime_->stop_s() - now_s;
    if (left <= 0.0) return false;
    bool const first = !has_trained_[rank];
    bool const checkpoints = state_.plan().checkpoints;
    if (first && checkpoints) return true;
    if (first) return !times_.shortest() || *times_.shortest() <= left;
    double const need = std::max(times_.longest().value_or(0.0), times_.longest_cut());
    return need - times_.spent(learning_run) <= left;
}

/// How long ranks have to answer a stop.
Duration Dispatcher::time_to_stop(StopReason reason, double now_s) const {
    if (reason == StopReason::terminated) return limits_.terminated;
    if (reason == StopReason::launcher_lost) return limits_.launcher_lost;
    auto limit = limits_.otherwise;
    if (walltime_) {
        auto const margin = from_seconds(walltime_->margin_s);
        auto const left = from_seconds(walltime_->end_s - now_s) - time_to_leave(margin);
        limit = std::clamp(left, Duration::zero(), limit);
    } else if (reason == StopReason::time_limit) {
        limit = std::min(limit, limits_.announced - time_to_leave(limits_.announced));
    }
    return limit;
}

/// Starts at the end of the history that left for a resume after they had stopped trainings, none
/// of which had ended by itself.
int Dispatcher::cut_starts() const {
    auto const& starts = state_.starts();
    int count = 0;
    for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
        bool const cut = start->outcome == StartOutcome::resume && start->trained &&
                         start->number > times_.last_start_with_an_end();
        if (!cut) break;
        count += 1;
    }
    return count;
}

/// Without checkpoints the next start would do no better than those that were cut short.
std::optional<Verdict> Dispatcher::walltime_too_short(double now_s) const {
    if (!walltime_ || times_.longest_cut() == 0.0) return std::nullopt;
    double const left = walltime_->stop_s() - now_s;
    if (cut_starts() < max_fruitless_starts || left > times_.longest_cut() * cut_tolerance) {
        return std::nullopt;
    }
    return Verdict{VerdictKind::failed,
                   {},
                   "the time of this job is too short: the last " + std::to_string(cut_starts()) +
                       " starts stopped their trainings after up to " +
                       shown_seconds(times_.longest_cut()) + ", and this one has " +
                       shown_seconds(std::max(left, 0.0)) + " of " +
                       shown_seconds(walltime_->end_s - walltime_->begin_s) +
                       " (runner.stop_margin_s is " + shown_seconds(walltime_->margin_s) +
                       "). Give the job more time, or train less in an iteration",
                   {}};
}

/// What is due has no place in this start any more. A start that could begin nothing is not worth
/// a third try.
void Dispatcher::nothing_fits(double now_s) {
    double const left = std::max(0.0, walltime_->stop_s() - now_s);
    bool const untouched = std::none_of(has_trained_.begin(), has_trained_.end(),
                                        [](bool has_trained) { return has_trained; });
    auto const need = untouched ? times_.shortest().value_or(0.0)
                                : std::max(times_.longest().value_or(0.0), times_.longest_cut());
    out_of_time_ = "what is left of the job's time (" + shown_seconds(left) +
                   ") is too short for another training iteration (" + shown_seconds(need) + ")";
    auto const& starts = state_.starts();
    if (!untouched || starts.size() < 2) return;
    auto const& before = starts[starts.size() - 2];
    if (before.outcome != StartOutcome::resume || before.trained) return;
    failure_ = Verdict{VerdictKind::failed,
                       {},
                       "the time of this job is too short: a training iteration takes at least " +
                           shown_seconds(need) + ", and this start has " + shown_seconds(left) +
                           " of " + shown_seconds(walltime_->end_s - walltime_->begin_s) +
                           " (runner.stop_margin_s is " + shown_seconds(walltime_->margin_s) +
                           "); the one before could begin nothing either. Give the job more time",
                       {}};
}

}  // namespace reprise
