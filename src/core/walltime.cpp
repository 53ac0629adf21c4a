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

void IterationTimes::add(AttemptRecord const& row) {
    auto const run = static_cast<std::size_t>(row.key.learning_run);
    double const took = std::max(0.0, row.end - row.start);
    double const before = spent(row.key.learning_run);
    double now_spent = 0.0;
    if (row.outcome == AttemptOutcome::succeeded) {
        double const whole = before + took;
        shortest_ = std::min(shortest_.value_or(whole), whole);
        longest_ = std::max(longest_.value_or(whole), whole);
    } else if (!counts_as_failure(row.outcome) && checkpoints_) {
        now_spent = before + took;
    } else if (row.outcome == AttemptOutcome::interrupted) {
        longest_cut_ = std::max(longest_cut_, took);
    }
    if (row.outcome == AttemptOutcome::succeeded || counts_as_failure(row.outcome)) {
        last_start_with_an_end_ = std::max(last_start_with_an_end_, row.start_number);
    }
    if (run >= spent_.size()) {
        if (now_spent == 0.0) return;
        spent_.resize(run + 1, 0.0);
    }
    spent_[run] = now_spent;
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
