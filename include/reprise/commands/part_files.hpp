/// @file The parts of an attempt, as their directories show them: what each began with, which
/// checkpoints it has left, and what they say together. The decisions are in core/checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/checkpoints.hpp"
#include "reprise/core/run_supervisor.hpp"
#include "reprise/parameters/job_spec.hpp"
#include "reprise/results/curve.hpp"

namespace reprise {

/// Where to look for what an attempt leaves.
struct AttemptFiles {
    std::string working_dir;  ///< absolute
    std::string reward_file;  ///< below a run directory
    std::string reward_column;
    std::string checkpoints;         ///< `learner.checkpoints`; empty: none
    std::int64_t steps_in_full = 0;  ///< of one iteration; 0: not known

    [[nodiscard]] std::string run_dir(AttemptKey const& key) const {
        return working_dir + "/" + directory_name(key);
    }
};

/// The name, in the run directory of a part that goes on from a checkpoint, of the file that says
/// from which. Written before the part begins; the next start and the learning curve need it.
inline constexpr char const* continuation_file = "continues.json";

/// What stands in it; and the content of one, or nothing when it is no such text.
[[nodiscard]] std::string continuation_text(Continuation const& continuation);
[[nodiscard]] std::optional<Continuation> parse_continuation(std::string const& text);

/// The complete checkpoint that a part of this attempt should go on from; nothing: none.
struct FoundContinuation {
    std::optional<Continuation> continuation;
    std::vector<std::string> torn;  ///< paths of newer ones that are not complete
};
/// Expects a part > 0 and files.checkpoints.
/// @param base of those parts that began with their iteration
[[nodiscard]] FoundContinuation find_continuation(AttemptFiles const& files, AttemptKey const& key,
                                                  TrainingBase const& base);

/// What the files of an attempt show up to and with the part of `key`: the reward, which is that of
/// the newest part that has one, and the steps. Parts are those that go on from one another.
/// @param base of that part
[[nodiscard]] CurveFacts read_attempt_facts(AttemptFiles const& files, AttemptKey const& key,
                                            TrainingBase const& base, FileEnd end);

/// Whether the reward file of this attempt has the learner's counter of steps.
[[nodiscard]] bool counts_steps(AttemptFiles const& files, AttemptKey const& key);

/// The directory name of the part that this one goes on from; empty: it does not.
[[nodiscard]] std::string continued_directory(AttemptFiles const& files, AttemptKey const& key);

/// The base of the part of `key`: from its file, or `otherwise`.
[[nodiscard]] TrainingBase base_of(AttemptFiles const& files, AttemptKey const& key,
                                   TrainingBase const& otherwise);

/// The learning curve of an attempt over all parts up to that of `key`; nothing when there is none.
[[nodiscard]] std::optional<Curve> read_attempt_curve(AttemptFiles const& files,
                                                      AttemptKey const& key);

}  // namespace reprise
