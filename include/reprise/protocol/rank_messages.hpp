/// @file What ranks tell each other, and its bytes (CBOR). Both ends are the same program in the
/// same job, so there is no version; bytes that are no message are a bug.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/checkpoints.hpp"
#include "reprise/core/container_setup.hpp"
#include "reprise/core/dispatcher.hpp"
#include "reprise/core/host_shares.hpp"
#include "reprise/core/verdict.hpp"

namespace reprise {

/// Rank 0 → any: train this. Everything the rank needs, so that only rank 0 reads parameters.
struct TrainingOrder {
    AttemptKey key;
    std::int64_t seed = 0;  ///< that the configuration holds
    std::string run_dir;    ///< absolute; does not exist yet
    std::string
        start_dir;  ///< where commands with a slash are looked up: where the job was started
    std::vector<std::pair<std::string, std::string>> files;  ///< absolute path, content
    std::vector<std::string> backend;                        ///< empty: none
    std::vector<std::string> learner;
    std::vector<std::string> stop;       ///< empty: none
    std::vector<std::string> variables;  ///< "NAME=value", on top of the rank's environment
    ContainerSetup container;
    std::string working_dir;  ///< absolute; the job's
    std::string reward_file;  ///< relative to run_dir
    std::string reward_column;
    std::string loaded_from;  ///< directory name of the attempt it continues; may be empty
    int stop_signal = 15;
    std::int64_t stop_grace_ms = 5000;
    RunShare share;             ///< of the host's cores and GPUs
    bool set_threads = true;    ///< tell libraries how many threads to use
    std::int64_t watch_ms = 0;  ///< how often to look at the reward file; 0: only at the end
    std::int64_t run_time_limit_ms = 0;  ///< 0: none, and so below
    std::int64_t stall_timeout_ms = 0;
    std::int64_t memory_limit_mb = 0;
    TrainingBase base;                 ///< what it begins with
    std::int64_t iteration_steps = 0;  ///< of one iteration in full; 0: not known
    std::string checkpoints;           ///< `learner.checkpoints`; empty: none

    friend bool operator==(TrainingOrder const&, TrainingOrder const&) = default;
};
/// Rank 0 → any.
struct StopOrder {
    AttemptKey key;
    StopReason reason = StopReason::terminated;
    std::int64_t kill_after_ms = -1;  ///< -1: as long as the reason and its own grace allow

    friend bool operator==(StopOrder const&, StopOrder const&) = default;
};
/// Rank 0 → any: the job is over, and so it ends.
struct Dismissal {
    VerdictKind verdict = VerdictKind::failed;

    friend bool operator==(Dismissal const&, Dismissal const&) = default;
};
/// Any → rank 0.
struct AttemptReport {
    AttemptRecord record;
    std::vector<std::string> stderr_tail;

    friend bool operator==(AttemptReport const&, AttemptReport const&) = default;
};
/// Any → rank 0: what the learning curve of a running training shows.
struct StepsReport {
    AttemptKey key;
    std::int64_t steps = 0;
    double reward = 0.0;    ///< NaN: none yet
    std::int64_t done = 0;  ///< steps of its iteration behind it

    friend bool operator==(StepsReport const&, StepsReport const&) = default;
};
/// Any → rank 0, once, before anything else: what the rank may use of its host.
struct RankReady {
    HostFacts facts;

    friend bool operator==(RankReady const&, RankReady const&) = default;
};
using RankPayload =
    std::variant<TrainingOrder, StopOrder, Dismissal, AttemptReport, StepsReport, RankReady>;

/// Hexadecimal CBOR, for the environment of the ranks.
[[nodiscard]] std::string encode_container_setup(ContainerSetup const& setup);
/// Throws ContractViolation for a text that encode_container_setup did not make.
[[nodiscard]] ContainerSetup decode_container_setup(std::string_view text);

[[nodiscard]] std::string encode_payload(RankPayload const& payload);
/// Throws ContractViolation for bytes that encode_payload did not make.
[[nodiscard]] RankPayload decode_payload(std::string_view bytes);

}  // namespace reprise
