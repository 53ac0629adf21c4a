/// @file What a job is asked to do: every parameter typed and checked, with its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reprise/core/container_setup.hpp"
#include "reprise/core/word_after_term.hpp"
#include "reprise/parameters/parameters.hpp"

namespace reprise {

/// The trainer that is run (`learner.*`). The defaults are the seed's.
struct LearnerProfile {
    std::vector<std::string> backend = {"hysr_start_robots", "@config@"};  ///< empty: none
    std::vector<std::string> command = {"hysr_one_ball_rl", "@config@"};   ///< never empty
    std::vector<std::string> stop = {"hysr_stop"};                         ///< empty: none
    std::string reward_file = "training_logs/progress.csv";  ///< relative to the run directory
    std::string reward_column = "rollout/ep_rew_mean";
    std::string model = "model";  ///< relative to the run directory, without suffix
    /// Relative to the run directory, with one `*` for the number of steps; empty: none.
    std::string checkpoints = "training_logs/checkpoints/rl_model_*_steps.zip";
    std::string steps_parameter = "rl_config.num_timesteps";      ///< file.name; empty: none
    std::string seed_parameter = "rl_common_config.random_seed";  ///< file.name; empty: none
    bool checkpoints_given = false;      ///< then the learner is known to load them
    bool steps_parameter_given = false;  ///< then it must exist
    bool seed_parameter_given = false;   ///< then it must exist
};

/// The image that the learner lies in (`singularity.*`; the names are those of cluster_utils).
struct ImageOptions {
    std::string path;        ///< as given, perhaps relative or with ~; empty: no image
    std::string executable;  ///< name or path; empty: what is found
    bool use_run = true;     ///< start by the image's runscript
    std::vector<std::string> args;
};

enum class LaunchMode : std::uint8_t { automatic, mpirun, none, srun };

/// How it is run (`runner.*`).
struct RunnerOptions {
    std::optional<int> ranks;  ///< unset: one for each rerun
    LaunchMode launcher = LaunchMode::automatic;
    std::vector<std::string> mpirun_args;
    int iterations_per_job = 1;             ///< unless by the clock
    bool iterations_by_clock = false;       ///< iterations_per_job is 'auto'
    std::optional<std::int64_t> base_seed;  ///< >= 0; unset: the job id, by hand 0
    int early_reports = 0;                  ///< milestones over the whole sample; 0: off
    std::vector<std::string> reducers;      ///< beside mean and std; no repetitions
    std::optional<int> accept;              ///< on_exhausted: k reruns are enough; unset: fail
    std::string results_dir;                ///< empty: the working directory
    int max_restarts = 1000;                ///< starts after the first
    OnTerm on_term = OnTerm::automatic;
    std::string stop_signal = "TERM";         ///< without SIG; one of stop_signal_names()
    double stop_grace_s = 3.0;                ///< between stop_signal and KILL
    std::optional<Runtime> container;         ///< unset: chosen by what there is
    std::optional<std::int64_t> tmp_size_mb;  ///< of a run's /tmp and /dev/shm each, in MiB
    bool split_cores = true;                  ///< cores: each run gets a part of its host's
    bool set_threads = true;                  ///< threads: tell libraries how many to start
    bool deal_gpus = true;                    ///< gpus_per_run is not 'all'
    std::optional<double> gpus_per_run;   ///< 0, whole, or below 1; unset: what there is for each
    std::optional<double> time_limit_s;   ///< of a start, > 0; unset: what the cluster says
    std::optional<double> stop_margin_s;  ///< before the end; unset: see default_stop_margin_s()
    double run_time_limit_s = 0.0;        ///< of one attempt; 0: none
    double stall_timeout_s = 0.0;         ///< without a new line or output; 0: none
    std::int64_t memory_limit_mb = 0;     ///< MiB, of all processes of an attempt; 0: none
};

struct JobSpec {
    std::string working_dir;  ///< as given, perhaps relative
    int training_iterations = 1;
    int learning_runs_per_job = 3;
    int max_attempts = 3;
    std::string config_templates;  ///< path as given; empty: the parameters are the configuration
    LearnerProfile learner;
    ImageOptions image;
    RunnerOptions runner;
    std::vector<std::string> notices;  ///< one line each, for the log
};

/// @throws InputError for a missing, unknown, wrongly typed or out-of-range parameter, and for
///         one that this version does not have yet.
[[nodiscard]] JobSpec make_job_spec(Parameters const& parameters);

/// The signals that `runner.stop_signal` may name, without SIG.
[[nodiscard]] std::vector<std::string> const& stop_signal_names();

/// The top-level names that belong to reprise; everything else is the user's own.
[[nodiscard]] std::vector<std::string> const& own_parameter_names();

}  // namespace reprise
