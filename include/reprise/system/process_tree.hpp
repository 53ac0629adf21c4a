/// @file Everything that descends from this process: found in /proc, and killed until none is
/// left. Needs nothing but libc and throws nothing, because the static helper uses it too.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace reprise {

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
    pid_t pid = -1;
    std::uint64_t start_time = 0;  ///< clock ticks since boot: field 22 of /proc/PID/stat, proc(5)

    friend bool operator==(ProcessId const&, ProcessId const&) = default;
};

/// Makes orphaned descendants children of this process instead of init's. Kept through exec, not
/// inherited by children. Returns false on a kernel that cannot (before Linux 3.4).
[[nodiscard]] bool become_subreaper() noexcept;

/// The process that has this number now, zombie or not; nothing if there is none.
[[nodiscard]] std::optional<ProcessId> identify(pid_t pid);

/// Whether exactly this process still runs. A zombie does not.
[[nodiscard]] bool is_running(ProcessId const& process);

/// All running descendants (no zombies), parents before their children. The subtrees of the
/// children listed in `spare` are left out.
[[nodiscard]] std::vector<ProcessId> descendants(std::span<pid_t const> spare = {});

/// Numbers of the direct children, zombies too.
[[nodiscard]] std::vector<pid_t> children();
/// The same of another process.
[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);

/// How long SIGKILL is given to work.
constexpr std::chrono::milliseconds kill_limit{2000};

/// SIGKILL to every descendant, those too that are forked meanwhile, until none is left or the
/// time is over; reaps the ones that are or become children of this process. Needs
/// become_subreaper() to be sure of daemons. Blocks (usually a few ms), sleeps in poll.
/// Children in `spare` and all below them are neither killed nor reaped; every child that somebody
/// still wants to wait for belongs there. Returns how many are left: 0 unless the time was over
/// (a process in uninterruptible sleep outlives SIGKILL).
int kill_all_descendants(std::chrono::milliseconds limit, std::span<pid_t const> spare = {});

}  // namespace reprise
