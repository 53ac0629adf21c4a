/// @file An attempt that was cut short goes on from its newest checkpoint: which one that is, how
/// many steps are left, and how the counters of its parts fit together.
///
/// Learners count steps in one of two ways. With `reset_num_timesteps=False` Stable-Baselines3
/// counts on from what the loaded model says, so rows and names of checkpoints say 3500 after 500
/// steps on top of a model of 3000; with True, its default, it begins with 0 again. Both train as
/// many steps as they are asked to. Which way a learner goes is seen from the first numbers that it
/// wrote. One that counts on is never below the loaded model's number, and its checkpoints are
/// above it. One that begins anew is below with its first checkpoint, or there: that comes after
/// one interval, and the checkpoint that it loaded came after at least one.
///
/// Users see one counter for all parts of an attempt ("the attempt's counter"): the learner's own
/// if it counts on; else the steps since the iteration began.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// What a training begins with.
struct TrainingBase {
    static constexpr std::int64_t unknown = -1;

    std::int64_t counter = 0;  ///< the learner's, in the model that it loads; 0: it loads none
    /// The same as it should be, where only rows tell: the last of them may lag behind the model.
    std::int64_t expected = 0;
    std::int64_t done = 0;   ///< steps of its iteration that this model has behind it
    std::int64_t began = 0;  ///< the attempt's counter when the iteration began; if goes_on
    bool goes_on = false;    ///< from a checkpoint of an earlier part

    friend bool operator==(TrainingBase const&, TrainingBase const&) = default;
};

/// The first numbers of the learner's counter that are seen in a part's files. Nothing: none yet.
struct CounterTrace {
    std::optional<std::int64_t> first_row;  ///< of its learning curve
    std::optional<std::int64_t> second_row;
    std::optional<std::int64_t> first_checkpoint;  ///< the smallest number, complete or not
    std::optional<std::int64_t> second_checkpoint;

    friend bool operator==(CounterTrace const&, CounterTrace const&) = default;
};

/// A training's base, and where its learner's counter began. Translates that counter.
class StepScale {
  public:
    /// Expects base.expected >= base.counter, and a known counter if it goes on.
    /// @param total steps of one iteration; 0: not known. Only matters for a base whose counter is
    ///              unknown: a first number beyond `total` shows that it counts on from something.
    StepScale(TrainingBase const& base, CounterTrace const& trace, std::int64_t total);

    /// Steps of the iteration behind it when the learner's counter is there; >= 0.
    [[nodiscard]] std::int64_t done(std::int64_t counter) const noexcept;
    /// The attempt's counter when the learner's is there.
    [[nodiscard]] std::int64_t attempt_counter(std::int64_t counter) const noexcept {
        return counter + shift();
    }
    /// attempt_counter(c) - c.
    [[nodiscard]] std::int64_t shift() const noexcept;
    /// The attempt's counter when the iteration began.
    [[nodiscard]] std::int64_t began() const noexcept {
        return base_.goes_on ? base_.began : start_;
    }

  private:
    TrainingBase base_;
    std::int64_t start_ = 0;  ///< of the learner's counter in this part
};

struct CheckpointFile {
    std::string path;        ///< below the run directory
    std::int64_t steps = 0;  ///< the learner's counter, from its name

    friend bool operator==(CheckpointFile const&, CheckpointFile const&) = default;
};

/// A part of an attempt, as its directory shows it.
struct PartFiles {
    int part = 0;
    TrainingBase base;
    CounterTrace trace;
    std::vector<CheckpointFile> checkpoints;  ///< complete or not, in any order
};

/// Where the next part could go on.
struct Continuation {
    int part = 0;            ///< whose checkpoint it is
    std::string checkpoint;  ///< below that part's run directory
    TrainingBase base;       ///< of the part that goes on from it
    std::int64_t left = 0;   ///< steps to train; 0: not known, the learner is asked for all

    friend bool operator==(Continuation const&, Continuation const&) = default;
};

/// All checkpoints that leave something to train, the one with the most steps behind it first; of
/// equals the one of the later part. The first of them that is complete is the one to take.
///
/// One that leaves nothing (the training was cut short between its last step and its end) is not
/// among them: a training of no steps leaves no reward, and most learners refuse it. The one before
/// it makes the learner train the last steps again, and end as it always does.
/// @param total steps of one iteration; 0: not known
[[nodiscard]] std::vector<Continuation> rank_checkpoints(std::vector<PartFiles> const& parts,
                                                         std::int64_t total);

/// `learner.checkpoints`: a path below the run directory with one `*`, which stands for the number.
struct CheckpointPattern {
    std::string folder;  ///< of the component with the `*`; may be empty
    std::string before;  ///< what that component has before the number
    std::string after;   ///< and behind it
    std::string rest;    ///< the components that follow, with a leading slash; may be empty

    /// Nothing for a text without exactly one `*`.
    [[nodiscard]] static std::optional<CheckpointPattern> parse(std::string_view text);
    /// The number in a name of `folder`, or nothing: digits and nothing else, below 10^15.
    [[nodiscard]] std::optional<std::int64_t> steps_of(std::string_view name) const;
    /// The path below the run directory of what has this name in `folder`.
    [[nodiscard]] std::string path_of(std::string const& name) const;
    /// The path as the learner's load path has it: `learner.model` says whether with or without
    /// the suffix, which is what follows the first dot behind the number.
    [[nodiscard]] std::string as_load_path(std::string const& path, std::string_view model) const;
};

/// Enters the numbers of the two earliest checkpoints.
void add_checkpoints(CounterTrace& trace, std::vector<CheckpointFile> const& checkpoints);

}  // namespace reprise
