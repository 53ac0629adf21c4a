// Steps, rows of learning curves and checkpoints of the world's trainings; and what the book says
// of an attempt that went on in parts.
#include <algorithm>
#include <cmath>
#include <string>

#include "reprise/statistics/learning_curve.hpp"
#include "sim/job_world.hpp"

namespace reprise::sim {
namespace {

constexpr std::int64_t iteration_steps = 1000;  ///< that every learner is asked for, in full

}  // namespace

void JobWorld::draw_checkpoints() {
    plan_.checkpoints = chance(0.7);
    counts_on_ = chance(0.5);
    checkpoint_every_ = pick(40, 500);
    row_every_ = pick(50, 400);
}

PartFiles JobWorld::files_of(AttemptKey const& key) const {
    auto const& part = parts_.at(key);
    PartFiles files;
    files.part = key.part;
    files.base = part.base;
    if (!part.rows.empty()) files.trace.first_row = part.rows[0];
    if (part.rows.size() > 1) files.trace.second_row = part.rows[1];
    for (auto const& model : part.checkpoints) {
        files.checkpoints.push_back({std::to_string(model.counter), model.counter});
    }
    return files;
}

StepScale JobWorld::scale_of(AttemptKey const& key) const {
    auto const& part = parts_.at(key);
    CounterTrace trace;
    if (!part.rows.empty()) trace.first_row = part.rows.front();
    if (!part.checkpoints.empty()) trace.first_checkpoint = part.checkpoints.front().counter;
    return {part.base, trace, plan_.steps_per_iteration};
}

std::int64_t JobWorld::begin_part(AttemptKey const& key) {
    PartBook part;
    auto const& run = dispatcher_->state().runs()[static_cast<std::size_t>(key.learning_run)];
    if (key.iteration > 0) {
        part.base.counter = run.steps;
        part.base.expected = run.expected_steps;
        part.start = counts_on_ ? model_counter_.at(key.learning_run) : 0;
    }
    part.began = part.start;
    part.asked = iteration_steps;
    if (key.part > 0 && plan_.checkpoints) go_on(key, part);
    auto const before = part.base.goes_on ? part.base.began + part.base.done : 0;
    parts_[key] = std::move(part);
    return before;
}

/// What the shell does: lists the files of the earlier parts, and takes the first that is complete.
void JobWorld::go_on(AttemptKey const& key, PartBook& part) {
    std::vector<PartFiles> files;
    std::int64_t best = 0;
    auto earlier = key;
    for (earlier.part = 0; earlier.part < key.part; ++earlier.part) {
        if (!parts_.contains(earlier)) continue;
        files.push_back(files_of(earlier));
        if (!files.back().base.goes_on) {
            files.back().base.counter = part.base.counter;
            files.back().base.expected = part.base.expected;
        }
        for (auto const& model : parts_.at(earlier).checkpoints) {
            bool const of_use = plan_.steps_per_iteration == 0 || model.trained < iteration_steps;
            if (model.complete && of_use) best = std::max(best, model.trained);
        }
    }
    for (auto const& next : rank_checkpoints(files, plan_.steps_per_iteration)) {
        earlier.part = next.part;
        auto const& from = parts_.at(earlier);
        auto const model = std::find_if(
            from.checkpoints.begin(), from.checkpoints.end(),
            [&](auto const& each) { return std::to_string(each.counter) == next.checkpoint; });
        check(model != from.checkpoints.end(), "goes on from a checkpoint that is not there");
        if (!model->complete) continue;
        check(model->trained == best, "a newer checkpoint was passed over");
        check(next.base.began + next.base.done == from.began + model->trained,
              "the attempt's counter is wrong");
        if (plan_.steps_per_iteration > 0) {
            // Without it a last row that lags behind the model leaves the beginning in doubt.
            check(next.base.done == model->trained, "a checkpoint has other steps behind it");
            check(next.left == iteration_steps - model->trained, "another number of steps is left");
        }
        part.base = next.base;
        part.went_on_from = next.part;
        part.start = counts_on_ ? model->counter : 0;
        part.trained = model->trained;
        part.began = from.began;
        part.asked = next.left > 0 ? next.left : iteration_steps;
        return;
    }
    check(best == 0, "a complete checkpoint was not used");
}

/// Rows and checkpoints until the training's end, if it comes to one.
void JobWorld::plan_steps(int rank, double length) {
    constexpr double least = 10.0;
    constexpr double most = 1e9;  // it hangs from the beginning
    if (length < least || length > most) return;
    auto const key = *ranks_[static_cast<std::size_t>(rank)].supervisor.key();
    auto const training = ranks_[static_cast<std::size_t>(rank)].training;
    auto const asked = parts_.at(key).asked;
    auto const runs = [this, rank, training] {
        auto const& state = ranks_[static_cast<std::size_t>(rank)];
        return state.training == training && !state.supervisor.idle();
    };
    auto const when = [&](std::int64_t steps) {
        return length * static_cast<double>(steps) / static_cast<double>(asked) - 1e-3;
    };
    for (std::int64_t steps = row_every_; steps <= asked; steps += row_every_) {
        at(when(steps), [this, runs, rank, key, steps] {
            if (runs()) make_row(rank, key, steps);
        });
    }
    for (std::int64_t steps = checkpoint_every_; steps <= asked; steps += checkpoint_every_) {
        at(when(steps), [this, runs, key, steps] {
            if (!runs()) return;
            auto& part = parts_.at(key);
            auto const index = part.checkpoints.size();
            part.checkpoints.push_back({part.start + steps, part.trained + steps, false});
            at(between(0.0, 20.0), [this, runs, key, index] {
                if (runs()) parts_.at(key).checkpoints[index].complete = true;
            });
        });
    }
}

void JobWorld::make_row(int rank, AttemptKey const& key, std::int64_t own_steps) {
    auto& part = parts_.at(key);
    part.rows.push_back(part.start + own_steps);
    auto const scale = scale_of(key);
    auto& seen = book_.at(key);
    seen.steps = scale.attempt_counter(part.rows.back());
    step_made_ = true;
    if (plan_.early_reports == 0) return;
    feed(StepsMade{rank, key, seen.steps, std::isnan(seen.reward) ? 0.0 : seen.reward,
                   scale.done(part.rows.back())});
}

/// Its node was lost, say, and nobody there has heard of it yet.
void JobWorld::orphan_goes_on(AttemptKey const& key) {
    if (!chance(0.3)) return;
    auto& part = parts_.at(key);
    int const more = pick(0, 3);
    for (int i = 0; i < more; ++i) {
        auto const made = static_cast<std::int64_t>(part.checkpoints.size());
        auto const own = (made + 1) * checkpoint_every_;
        if (own > part.asked) return;
        part.checkpoints.push_back({part.start + own, part.trained + own, chance(0.7)});
    }
}

void JobWorld::part_succeeds(AttemptRecord const& row) {
    auto const& key = row.key;
    auto const& part = parts_.at(key);
    auto const end = part.began + part.trained + part.asked;
    check(row.steps <= end && row.steps > end - row_every_ - (part.rows.empty() ? part.asked : 0),
          directory_name(key) + " counts " + std::to_string(row.steps) + " steps of " +
              std::to_string(end));
    if (plan_.steps_per_iteration > 0) {
        check(part.trained + part.asked == iteration_steps,
              directory_name(key) + " has trained " + std::to_string(part.trained + part.asked) +
                  " steps");
    }
    check_curve(key);
}

/// The curve over all parts: no step twice, none left out.
void JobWorld::check_curve(AttemptKey const& key) const {
    std::vector<CurvePart> parts;
    std::vector<std::int64_t> truth;
    std::optional<std::int64_t> end;  // in steps of the iteration, by the book
    std::optional<std::int64_t> cut;  // the same, as the decisions have it
    for (auto next = std::optional(key); next;) {
        auto const& part = parts_.at(*next);
        CurvePart piece;
        piece.curve.columns = {std::string(steps_column)};
        for (auto const counter : part.rows) {
            piece.curve.values.push_back(static_cast<double>(counter));
        }
        piece.curve.rows = part.rows.size();
        piece.shift = scale_of(*next).shift();
        piece.end = cut;
        parts.insert(parts.begin(), std::move(piece));
        std::vector<std::int64_t> steps;
        for (auto const counter : part.rows) {
            auto const trained = part.trained + counter - part.start;
            if (!end || trained <= *end) steps.push_back(part.began + trained);
        }
        truth.insert(truth.begin(), steps.begin(), steps.end());
        if (!part.went_on_from) break;
        end = part.trained;
        cut = part.base.began + part.base.done;
        next->part = *part.went_on_from;
    }
    auto const whole = join_parts(parts);
    check(whole.rows == truth.size(), directory_name(key) + " has another number of rows");
    std::int64_t last = parts_.at(key).began;
    for (std::size_t row = 0; row < whole.rows; ++row) {
        auto const steps = static_cast<std::int64_t>(whole.at(row, 0));
        check(steps == truth[row], directory_name(key) + " has another step in its curve");
        check(steps > last, directory_name(key) + " has a step twice");
        last = steps;
    }
}

}  // namespace reprise::sim
