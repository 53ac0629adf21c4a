#include "reprise/core/walltime.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace reprise {

double default_stop_margin_s(double grace_s, std::optional<double> whole_s) {
    constexpr double usual = 60.0;
    constexpr double largest_part = 0.1;
    double const margin = usual + grace_s;
    return whole_s ? std::clamp(*whole_s * largest_part, 0.0, margin) : margin;
}

Duration time_to_leave(Duration margin) {
    return std::clamp<Duration>(margin / 2, Duration::zero(), std::chrono::seconds(10));
}

bool at_known_end(std::optional<Walltime> const& walltime, double now_s) {
    return walltime && now_s >= walltime->end_s - end_tolerance_s;
}

bool goes_on(AttemptRecord const& row) {
    auto first = row.key;
    first.part = 0;
    auto const name = directory_name(first);
    return row.key.part > 0 &&
           (row.loaded_from == name || row.loaded_from.starts_with(name + ".part"));
}

void IterationTimes::add(AttemptRecord const& row) {
    double const took = std::max(0.0, row.end - row.start);
    double const whole = took + (goes_on(row) ? spent(row.key.learning_run) : 0.0);
    bool const ended = row.outcome == AttemptOutcome::succeeded || counts_as_failure(row.outcome);
    auto const before = last_part_.find(row.key.learning_run);
    bool const hopeful =
        checkpoints_ && (row.key.part == 0 || (before != last_part_.end() && goes_on(row) &&
                                               row.loaded_from == directory_name(before->second)));
    if (row.outcome == AttemptOutcome::succeeded) {
        shortest_ = std::min(shortest_.value_or(whole), whole);
        longest_ = std::max(longest_.value_or(whole), whole);
    }
    if (ended || hopeful) {
        last_fruitful_start_ = std::max(last_fruitful_start_, row.start_number);
    } else if (row.outcome == AttemptOutcome::interrupted) {
        longest_cut_ = std::max(longest_cut_, took);
        auto& of_start = cut_starts_[row.start_number];
        of_start = std::max(of_start, took);
    }
    if (!checkpoints_) return;  // whatever was cut begins anew
    auto const run = static_cast<std::size_t>(row.key.learning_run);
    if (run >= spent_.size()) spent_.resize(run + 1, 0.0);
    spent_[run] = ended ? 0.0 : whole;
    last_part_[row.key.learning_run] = row.key;
}

double IterationTimes::longest_cut_in(int start_number) const {
    auto const cut = cut_starts_.find(start_number);
    return cut == cut_starts_.end() ? 0.0 : cut->second;
}

double IterationTimes::spent(int learning_run) const {
    auto const run = static_cast<std::size_t>(learning_run);
    return run < spent_.size() ? spent_[run] : 0.0;
}

std::string shown_seconds(double seconds) {
    char buffer[48];
    if (seconds < 600.0) {
        std::snprintf(buffer, sizeof buffer, "%.*f s", seconds < 10.0 ? 1 : 0, seconds);
        return buffer;
    }
    auto const minutes = static_cast<long long>(std::llround(seconds / 60.0));
    if (minutes < 60) {
        std::snprintf(buffer, sizeof buffer, "%lld min", minutes);
    } else {
        std::snprintf(buffer, sizeof buffer, "%lld h %lld min", minutes / 60, minutes % 60);
    }
    return buffer;
}

}  // namespace reprise
