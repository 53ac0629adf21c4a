/// @file Placeholders in the learner's commands.
///
/// @config@ @run_dir@ @working_dir@ @seed@ @run@ @iteration@ @attempt@ stand anywhere in an
/// argument; @@ is one @. Braces and $ do not reach a job unchanged: the cluster_utils server
/// evaluates the former, its shell the latter.
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

/// The same values as REPRISE_CONFIG, REPRISE_RUN_DIR, …, and REPRISE_LOAD_PATH (empty when the
/// attempt starts afresh), for learners that do not read the seed's configuration files.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> attempt_environment(
    AttemptContext const& context);

}  // namespace reprise
