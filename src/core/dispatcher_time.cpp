// What the dispatcher starts and stops by the clock.
#include <algorithm>

#include "reprise/core/dispatcher.hpp"

namespace reprise {
namespace {

Duration from_seconds(double seconds) {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::max(0.0, seconds)));
}

/// So many starts in a row that were cut after the same time are no accident.
constexpr std::size_t alike_cut_starts = 3;

}  // namespace

/// Whether a training of this learning run that starts now on this rank can end in time.
///
/// The first one of a rank and of a learning run waits in vain for more time: other starts have no
/// more. So only what no iteration was ever short enough for is left out, and nothing at all where
/// it can go on from a checkpoint in the next start. Later ones are better off in the next start
/// unless they end in this one even if they take as long as any did.
bool Dispatcher::fits(std::size_t rank, int learning_run, double now_s) const {
    if (!walltime_) return true;
    double const left = walltime_->stop_s() - now_s;
    if (left <= 0.0) return false;
    bool const first = !has_trained_[rank] && !trained_runs_.contains(learning_run);
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

/// A training that did not report when its start left for a resume was stopped all the same.
void Dispatcher::learn_time(AttemptRecord const& row) {
    auto known = row;
    auto const& starts = state_.starts();
    auto const start = static_cast<std::size_t>(row.start_number);
    bool const left_in_order = row.start_number >= 0 && start < starts.size() &&
                               starts[start].outcome == StartOutcome::resume;
    if (row.outcome == AttemptOutcome::lost && left_in_order) {
        known.outcome = AttemptOutcome::interrupted;
        known.end = std::min(row.end, starts[start].end);  // whatever writes there still
    }
    times_.add(known);
}

/// For how long trainings ran, the longest of each start, in the starts at the end of the history
/// that left for a resume after they had stopped trainings, all of which were for nothing; the
/// newest first. (Starts that could begin nothing do not count here.)
std::vector<double> Dispatcher::cut_starts() const {
    auto const& starts = state_.starts();
    std::vector<double> cuts;
    for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
        if (start->outcome != StartOutcome::resume) break;
        if (start->number <= times_.last_fruitful_start()) break;
        if (double const cut = times_.longest_cut_in(start->number); cut > 0.0) cuts.push_back(cut);
    }
    return cuts;
}

/// Where trainings begin anew the next start would do no better than those that were cut short: it
/// has no more time, or something else ends all of them after the same time.
std::optional<Verdict> Dispatcher::walltime_too_short(double now_s) const {
    auto const cuts = cut_starts();
    if (cuts.size() < max_fruitless_starts) return std::nullopt;
    double const longest = *std::max_element(cuts.begin(), cuts.end());
    double const left = walltime_ ? std::max(0.0, walltime_->stop_s() - now_s) : 0.0;
    bool const no_more_time = walltime_ && left <= longest * cut_tolerance;
    bool always_the_same = cuts.size() >= alike_cut_starts;
    for (std::size_t i = 0; always_the_same && i < alike_cut_starts; ++i) {
        always_the_same = cuts[i] <= cuts[0] * cut_tolerance && cuts[0] <= cuts[i] * cut_tolerance;
    }
    if (!no_more_time && !always_the_same) return std::nullopt;
    auto text = "the time of this job is too short: the last " + std::to_string(cuts.size()) +
                " starts stopped their trainings after up to " + shown_seconds(longest) +
                ", all for nothing";
    if (walltime_) {
        text += "; this one has " + shown_seconds(left) + " of " +
                shown_seconds(walltime_->end_s - walltime_->begin_s) +
                " (runner.stop_margin_s is " + shown_seconds(walltime_->margin_s) + ")";
    }
    return Verdict{VerdictKind::failed,
                   {},
                   text + ". Give the job more time, or train less in an iteration",
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
    if (before.number <= times_.last_fruitful_start()) return;
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
