/// @file The ranks as the launcher sees them: one child (mpirun, or the only rank) and a channel.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/launch_plan.hpp"
#include "reprise/commands/launcher_messages.hpp"
#include "reprise/commands/other_tasks.hpp"
#include "reprise/system/child_process.hpp"
#include "reprise/system/kept_sockets.hpp"
#include "reprise/system/local_channel.hpp"
#include "reprise/system/signals.hpp"
#include "reprise/system/system_clock.hpp"

namespace reprise {

/// Ranks that are not there by then never will be.
inline constexpr Duration start_limit = std::chrono::seconds(120);

/// How the ranks ended.
struct RankGroupEnd {
    std::optional<Verdict> verdict;     ///< what rank 0 decided, if it came to that
    bool connected = false;             ///< rank 0 was there
    std::optional<int> start_recorded;  ///< number of this start, once its row was on disk
    bool terminated = false;            ///< TERM, INT or HUP came
    bool time_limit = false;            ///< USR1 came, or the last moment
    bool never_came = false;            ///< the ranks were given up before they were there
    std::optional<std::string> others;  ///< why the other tasks' launchers end this start
    ExitStatus status;                  ///< of mpirun, or of the only rank
    std::vector<std::string> output;    ///< last lines that mpirun itself printed
};

/// What the launcher knows of the ranks, and what it has beside them.
struct RankGroupSetting {
    int ranks = 0;                         ///< children that mpirun has once all is up
    bool several_nodes = false;            ///< mpirun has had Slurm start ranks on others
    std::vector<pid_t> spared;             ///< its other children, with which nothing is done here
    std::function<void()> on_terminated;   ///< called as soon as TERM, INT or HUP has come
    std::optional<TimePoint> last_moment;  ///< when the job's time is over for all of them
    /// Where somebody else has started the tasks of the job; both outlive the call. The rank's
    /// connections are kept whatever becomes of it.
    OtherTasks* others = nullptr;
    Duration patience = start_limit;  ///< with ranks that do not come up
    SocketKeeper* keeper = nullptr;
};

/// Runs the ranks to their end: passes signals on, prints their log, collects the verdict. When it
/// returns no process of the job is left. Throws Error when they cannot be started.
[[nodiscard]] RankGroupEnd run_rank_group(LaunchPlan const& plan, ChannelListener& listener,
                                          SignalFd& signals, SystemClock const& clock,
                                          RankGroupSetting setting);

}  // namespace reprise
