#include "reprise/core/checkpoints.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

/// Whether a learner counts on from `counter`, which is what the model said that it loaded.
bool counts_on(CounterTrace const& trace, std::int64_t counter) {
    return (!trace.first_row || *trace.first_row >= counter) &&
           (!trace.first_checkpoint || *trace.first_checkpoint > counter);
}

/// Where the counter of a learner began that loaded a model of unknown age (one of the user's).
std::int64_t guessed_start(CounterTrace const& trace, std::int64_t total) {
    auto const& first = trace.first_row ? trace.first_row : trace.first_checkpoint;
    auto const& second = trace.first_row ? trace.second_row : trace.second_checkpoint;
    if (!first || total <= 0 || *first <= total) return 0;
    // Rows come at even distances, and so do checkpoints.
    return std::max<std::int64_t>(*first - (second.value_or(*first) - *first), 0);
}

/// "model" has none, "best.pt" has one.
bool has_suffix(std::string_view path) {
    auto const name = path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
    return name.find('.', 1) != std::string_view::npos;
}

}  // namespace

StepScale::StepScale(TrainingBase const& base, CounterTrace const& trace, std::int64_t total)
    : base_(base) {
    bool const known = base.counter != TrainingBase::unknown;
    REPRISE_EXPECT(known || !base.goes_on);
    if (!known) {
        start_ = guessed_start(trace, total);
    } else if (counts_on(trace, base.counter)) {
        start_ = counts_on(trace, base.expected) ? base.expected : base.counter;
    }
}

std::int64_t StepScale::done(std::int64_t counter) const noexcept {
    return base_.done + std::max<std::int64_t>(counter - start_, 0);
}

std::int64_t StepScale::shift() const noexcept {
    return base_.goes_on ? base_.began + base_.done - start_ : 0;
}

std::vector<Continuation> rank_checkpoints(std::vector<PartFiles> const& parts,
                                           std::int64_t total) {
    std::vector<Continuation> found;
    for (auto const& part : parts) {
        auto trace = part.trace;
        add_checkpoints(trace, part.checkpoints);
        StepScale const scale(part.base, trace, total);
        for (auto const& checkpoint : part.checkpoints) {
            Continuation next;
            next.part = part.part;
            next.checkpoint = checkpoint.path;
            next.base = {checkpoint.steps, checkpoint.steps, scale.done(checkpoint.steps),
                         scale.began(), true};
            bool const leaves_something = total <= 0 || next.base.done < total;
            if (next.base.done <= 0 || !leaves_something) continue;
            next.left = total > 0 ? total - next.base.done : 0;
            found.push_back(std::move(next));
        }
    }
    std::sort(found.begin(), found.end(), [](Continuation const& a, Continuation const& b) {
        return std::tie(a.base.done, a.part) > std::tie(b.base.done, b.part);
    });
    return found;
}

void add_checkpoints(CounterTrace& trace, std::vector<CheckpointFile> const& checkpoints) {
    auto& first = trace.first_checkpoint;
    auto& second = trace.second_checkpoint;
    for (auto const& checkpoint : checkpoints) {
        if (!first || checkpoint.steps < *first) {
            second = std::exchange(first, checkpoint.steps);
        } else if (checkpoint.steps > *first && (!second || checkpoint.steps < *second)) {
            second = checkpoint.steps;
        }
    }
}

std::optional<CheckpointPattern> CheckpointPattern::parse(std::string_view text) {
    auto const star = text.find('*');
    if (star == std::string_view::npos || text.find('*', star + 1) != std::string_view::npos) {
        return std::nullopt;
    }
    auto const slash = text.substr(0, star).find_last_of('/');
    auto const begin = slash == std::string_view::npos ? 0 : slash + 1;
    auto const end = std::min(text.find('/', star), text.size());
    CheckpointPattern pattern;
    pattern.folder = text.substr(0, slash == std::string_view::npos ? 0 : slash);
    pattern.before = text.substr(begin, star - begin);
    pattern.after = text.substr(star + 1, end - star - 1);
    pattern.rest = text.substr(end);
    return pattern;
}

std::optional<std::int64_t> CheckpointPattern::steps_of(std::string_view name) const {
    constexpr std::size_t most_digits = 15;
    if (name.size() <= before.size() + after.size() || !name.starts_with(before) ||
        !name.ends_with(after)) {
        return std::nullopt;
    }
    auto const digits = name.substr(before.size(), name.size() - before.size() - after.size());
    bool const is_number = digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_number || digits.size() > most_digits) return std::nullopt;
    std::int64_t steps = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), steps);
    return steps;
}

std::string CheckpointPattern::path_of(std::string const& name) const {
    return (folder.empty() ? name : folder + "/" + name) + rest;
}

std::string CheckpointPattern::as_load_path(std::string const& path, std::string_view model) const {
    if (has_suffix(model)) return path;
    auto const tail = rest.empty() ? std::string_view(after)
                                   : std::string_view(rest).substr(rest.find_last_of('/') + 1);
    auto const dot = tail.find('.');
    if (dot == std::string_view::npos) return path;
    return path.substr(0, path.size() - (tail.size() - dot));
}

}  // namespace reprise
