/// @file The facts about one attempt of a training and one start of a job: what rank 0 records,
/// what it decides from, and what the results file keeps (docs/results_file.md).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace reprise {

/// Names one process tree that trains. All counters are from 0.
struct AttemptKey {
    int learning_run = 0;  ///< which rerun of the sample
    int iteration = 0;     ///< training iteration of that rerun
    int attempt = 0;       ///< failed attempts of that rerun so far, over all its iterations
    int part = 0;          ///< how often this attempt was interrupted before

    friend auto operator<=>(AttemptKey const&, AttemptKey const&) = default;
};

/// "run_R.I-A", or "run_R.I-A.partN" for N > 0: the attempt's directory in working_dir.
[[nodiscard]] std::string directory_name(AttemptKey const& key);

/// How an attempt ended. The numbers are stored in results files: never change one.
enum class AttemptOutcome : std::uint8_t {
    none = 0,            ///< a row that holds no attempt
    succeeded = 1,       ///< ended with 0 and left a finite reward
    learner_failed = 2,  ///< another exit code than 0, or killed by a signal
    backend_died = 3,    ///< the backend ended before the learner
    no_reward = 4,       ///< ended with 0 but the reward file, column or value is missing
    reward_not_finite = 5,
    not_started = 6,          ///< its directory, configuration or process could not be made
    interrupted = 7,          ///< stopped in order; goes on as the next part
    lost = 8,                 ///< its rank or its job died; goes on as the next part
    time_limit_exceeded = 9,  ///< ran longer than runner.run_time_limit_s
    stalled = 10,             ///< no sign of life for runner.stall_timeout_s
    out_of_memory =
        11,  ///< over runner.memory_limit_mb, or killed by the kernel for want of memory
};

/// The outcome's name as it stands in the results file and in messages, e.g. "learner_failed".
[[nodiscard]] char const* name_of(AttemptOutcome outcome) noexcept;

/// Whether the outcome counts towards max_attempts.
[[nodiscard]] bool counts_as_failure(AttemptOutcome outcome) noexcept;

/// A row of the table `attempts`. Written once, when the attempt has ended.
struct AttemptRecord {
    AttemptKey key;
    AttemptOutcome outcome = AttemptOutcome::none;
    std::int32_t exit_code = -1;    ///< of the learner (or of the backend that died); -1: none
    std::int32_t signal = 0;        ///< that ended it; 0: none
    double reward = 0.0;            ///< NaN unless succeeded
    std::int64_t seed = 0;          ///< [0, 2^31)
    double start = 0.0;             ///< seconds since the epoch
    double end = 0.0;               ///< seconds since the epoch
    std::int64_t steps = 0;         ///< last value of time/total_timesteps, else rows of the curve
    double cpu_s = 0.0;             ///< user + system time of the attempt's processes
    double peak_memory_mb = 0.0;    ///< largest resident set of one of its processes, in MiB; with
                                    ///< a memory limit the most that all of them used at once
    std::int32_t start_number = 0;  ///< of the start in which it ran; -1: before the file was made
    std::int32_t rank = 0;          ///< that ran it
    std::string host;               ///< at most 63 bytes are kept
    std::string cores;              ///< CPU list such as "0-3,8"; at most 63 bytes are kept
    std::string gpus;               ///< dealt to it, such as "0,1"; at most 63 bytes are kept
    std::string loaded_from;        ///< directory name of the attempt it continues; empty: none
    std::string message;            ///< why it failed, one line; at most 255 bytes are kept

    friend bool operator==(AttemptRecord const&, AttemptRecord const&) = default;
};

/// How one start of the job ended. The numbers are stored in results files: never change one.
enum class StartOutcome : std::uint8_t {
    none = 0,        ///< a row that holds no start
    running = 1,     ///< not ended yet, or ended without a chance to say so
    finished = 2,    ///< everything is done, or the stored result was sent again
    failed = 3,      ///< the job failed for good
    resume = 4,      ///< left to be started again
    terminated = 5,  ///< asked to end (TERM, INT)
    lost = 6,        ///< a rank, mpirun or the launcher died
};

[[nodiscard]] char const* name_of(StartOutcome outcome) noexcept;

/// A row of the table `starts`. Written when the job starts and again when it ends.
struct StartRecord {
    std::int32_t number = 0;  ///< from 0
    StartOutcome outcome = StartOutcome::none;
    double start = 0.0;  ///< seconds since the epoch
    double end = 0.0;    ///< seconds since the epoch; while running the last sign of life
    std::int32_t ranks = 0;
    std::int32_t early_reports = 0;  ///< milestones announced over all starts so far
    bool trained = false;            ///< a training made a step that was not made before
    std::string host;                ///< of rank 0; at most 63 bytes are kept

    friend bool operator==(StartRecord const&, StartRecord const&) = default;
};

}  // namespace reprise
