/// @file Templates and parameters become the configuration files of a run.
///
/// The template set (`config.config_templates`) is a JSON file whose keys are the configuration
/// files and whose values are their templates, relative to it. A parameter
/// config.<file>.<name>[.<name>…][:<index>…] replaces what its template holds there; a whole value
/// is applied before its indices. Types must agree:
///   template    parameter
///   null        anything
///   number      a number; where the template has an integer, 2.0 becomes 2, and 0.5 stays 0.5
///               with a notice (the seed's templates hold integers such as "ent_coef": 0 for real
///               numbers)
///   others      the same type; an object is merged name by name
///   anything    None
/// Forced, unless a parameter sets them, and only where the template has the key: graphics and
/// xterms of hysr_config (false); save_path and log_path of rl_config (per attempt); the seed where
/// the template has null. load_path of rl_config is set where an attempt continues from a model,
/// be it given as a parameter or not: a given one is where the first iteration starts.
///
/// Without a template set the parameters themselves are the configuration: config.json holds all
/// but reprise's own (runner, learner, singularity, the three counters, working_dir, id).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reprise/parameters/attempt_context.hpp"
#include "reprise/parameters/job_spec.hpp"
#include "reprise/parameters/parameters.hpp"

namespace reprise {

struct ConfigurationFile {
    std::string path;  ///< absolute
    std::string content;
};

/// What an attempt needs on disk before it starts.
struct RunConfiguration {
    /// As given, but with the seed and the load_path that the training really gets: what is to be
    /// recorded, and what its commands and environment are to be made of.
    AttemptContext context;
    std::vector<ConfigurationFile> files;  ///< in the order of writing, config.json last
    std::string save_path;                 ///< of the model, absolute, without suffix
    std::string log_path;                  ///< absolute
    std::string reward_path;               ///< run_dir/learner.reward_file
};

/// The merged configuration of a sample, validated once and cheap to use for each attempt.
class ConfigurationSet {
  public:
    /// @throws InputError naming file, parameter and remedy for every wrong name, index, type.
    /// @throws Error from read_file for a file that cannot be read.
    static ConfigurationSet load(JobSpec const& spec, Parameters const& parameters,
                                 FileReader const& read_file);

    /// Expects an absolute working_dir.
    [[nodiscard]] RunConfiguration for_attempt(AttemptContext const& context) const;

    /// Steps of one training iteration, where the configuration tells; for progress.
    [[nodiscard]] std::optional<std::int64_t> steps_per_iteration() const noexcept {
        return steps_;
    }

    /// Whether what was cut short goes on from the learner's checkpoints: it leaves some, and it
    /// can be told to load one (rl_config.load_path, or @load_path@ in its command; a given
    /// learner.checkpoints says that it looks at REPRISE_LOAD_PATH).
    [[nodiscard]] bool goes_on_from_checkpoints() const;

    /// The configuration files with everything that does not depend on the attempt: an object
    /// with a member per file (without templates: the one configuration). For the results file.
    [[nodiscard]] nlohmann::ordered_json const& merged() const noexcept { return merged_; }

    [[nodiscard]] bool has_templates() const noexcept { return has_templates_; }

    /// One line each, for the log.
    [[nodiscard]] std::vector<std::string> const& notices() const noexcept { return notices_; }

  private:
    ConfigurationSet() = default;
    void load_templates(JobSpec const& spec, nlohmann::ordered_json const& config,
                        FileReader const& read_file);
    void take_parameters(nlohmann::ordered_json const& nested);
    void find_steps();
    void find_seed();

    nlohmann::ordered_json merged_ = nlohmann::ordered_json::object();
    bool has_templates_ = false;
    LearnerProfile learner_;
    std::optional<std::int64_t> steps_;
    std::string seed_pointer_;       ///< where the seed stands; empty: nowhere
    bool has_load_path_ = false;     ///< rl_config.load_path is there
    bool save_path_forced_ = false;  ///< rl_config.save_path is there, no parameter sets it
    bool log_path_forced_ = false;
    std::vector<std::string> notices_;
};

}  // namespace reprise
