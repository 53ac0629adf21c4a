/// @file Placeholders in the learner's commands.
///
/// @config@ @run_dir@ @working_dir@ @seed@ @run@ @iteration@ @attempt@ @load_path@ stand anywhere
/// in an argument; @@ is one @. (Braces and $ would not reach a job: the cluster_utils server
/// evaluates the former, its shell the latter.) load_path is the model to continue from, empty for
/// a fresh start: for learners that do not read it from the seed's configuration files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reprise/parameters/attempt_context.hpp"

namespace reprise {

/// @param parameter that holds the command, for the message.
/// @throws InputError for an unknown placeholder.
void check_command(std::vector<std::string> const& command, std::string const& parameter);

/// Expects a command that passed check_command.
[[nodiscard]] std::vector<std::string> expand_command(std::vector<std::string> const& command,
                                                      AttemptContext const& context);

/// The same values as REPRISE_CONFIG, REPRISE_RUN_DIR, REPRISE_WORKING_DIR, REPRISE_SEED,
/// REPRISE_RUN, REPRISE_ITERATION, REPRISE_ATTEMPT, REPRISE_LOAD_PATH.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> attempt_environment(
    AttemptContext const& context);

}  // namespace reprise
