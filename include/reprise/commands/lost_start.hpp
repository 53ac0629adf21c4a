/// @file Records, from the launcher, a start whose rank 0 died without a word.
#pragma once

#include <optional>
#include <string>

#include "reprise/commands/job_context.hpp"
#include "reprise/core/verdict.hpp"

namespace reprise {

/// Closes the start's row (and makes one, if rank 0 did not get so far), and says what follows:
/// usually a resume; after two starts in a row without a training step an error.
/// @param start_recorded number of the row that rank 0 wrote, if it did
/// @param how one line for people, e.g. "mpirun ended with signal 9 (Killed)"
[[nodiscard]] Verdict record_lost_start(JobContext const& context,
                                        std::optional<int> start_recorded, std::string const& how,
                                        double now_unix_s);

}  // namespace reprise
