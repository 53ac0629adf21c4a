/// @file Everything that is known before a job trains: arguments, parameters, configuration, plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/outer_step.hpp"
#include "reprise/commands/part_files.hpp"
#include "reprise/core/job_plan.hpp"
#include "reprise/parameters/job_arguments.hpp"
#include "reprise/parameters/job_spec.hpp"
#include "reprise/parameters/parameters.hpp"
#include "reprise/parameters/run_configuration.hpp"
#include "reprise/parameters/sample_digest.hpp"
#include "reprise/results/sample_description.hpp"

namespace reprise {

/// What `reprise job` was called with.
struct JobOptions {
    std::vector<std::string> arguments;  ///< parameters, in one of the forms of job_arguments.hpp
    bool exit_for_restart = false;       ///< leave with 3 between iterations, though no server asks
    std::string log_level = "info";
    std::optional<OuterStep> outer;  ///< somebody else starts the ranks
};

struct JobContext {
    JobOptions options;
    JobArguments arguments;
    Parameters parameters;
    JobSpec spec;
    ConfigurationSet configuration;
    SampleDigest digest;
    JobPlan plan;
    ContainerSetup container;
    std::string start_dir;     ///< absolute; where the job was started
    std::string working_dir;   ///< absolute
    std::string results_path;  ///< absolute
    int ranks = 1;
    bool use_mpirun = false;
    int stop_signal = 15;

    /// For a results file that is made now.
    [[nodiscard]] SampleDescription describe_sample(double created) const;
    [[nodiscard]] AttemptFiles attempt_files() const;
    /// Lines for the log that the user should read once.
    [[nodiscard]] std::vector<std::string> notices() const;
};

/// Reads and checks all that can be checked before anything starts.
/// Throws InputError and Error, each with one line that says what to do.
[[nodiscard]] JobContext load_job_context(JobOptions const& options, JobArguments const& arguments);

/// Whether every command of the learner can be found on this host; throws InputError.
void check_commands(JobContext const& context);

}  // namespace reprise
