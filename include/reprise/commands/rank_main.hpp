/// @file What a rank does from its start to its end (`reprise rank`, started by the launcher).
#pragma once

#include <string>

#include "reprise/commands/job_context.hpp"
#include "reprise/core/doors.hpp"

namespace reprise {

struct RankOptions {
    std::string channel;  ///< name of the launcher's channel; also the token of the ranks' wake-ups
    bool solo = false;    ///< the only rank: without MPI
    int keep_fd = -1;     ///< who starts the rank keeps its connections: see kept_sockets.hpp
    bool refuse = false;  ///< rank 0: the job has failed already, send the others home
    JobOptions job;       ///< with the tasks that somebody else has started, if it is so
};

/// Returns the process's exit code: 0 whenever the rank came to an orderly end; what became of the
/// job goes to the launcher through the channel.
[[nodiscard]] int rank_main(RankOptions const& options);

/// How long a start waits for another one that holds the working directory.
inline constexpr Duration lock_patience = std::chrono::seconds(120);

}  // namespace reprise
