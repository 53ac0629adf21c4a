/// @file The cgroup whose memory this process is charged to, and cgroups below it that hold one
/// run each to a limit. Version 1 and 2 (cgroups(7); Documentation/admin-guide/cgroup-v1/memory.rst
/// and cgroup-v2.rst of the kernel say what the files mean).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reprise/system/fd.hpp"

namespace reprise {

/// A directory of the tree in which the kernel accounts memory.
struct MemoryCgroup {
    std::string path;
    bool version_2 = false;

    friend bool operator==(MemoryCgroup const&, MemoryCgroup const&) = default;
};

/// This process's own; nothing where there is no memory controller or its tree is not mounted.
/// @param proc_self another place than /proc/self, for tests
[[nodiscard]] std::optional<MemoryCgroup> own_memory_cgroup(
    std::string const& proc_self = "/proc/self");

/// How many processes of the cgroup the kernel has killed so far because memory ran out, there or
/// above it; 0 where it does not count them (before Linux 4.13). A process of a version 1 cgroup
/// below counts there only.
[[nodiscard]] std::int64_t oom_kills(MemoryCgroup const& cgroup);

/// What differs between the kernel's tree and that of a test. Each returns 0 or an errno.
class CgroupTree {
  public:
    CgroupTree() = default;
    CgroupTree(CgroupTree const&) = delete;
    CgroupTree& operator=(CgroupTree const&) = delete;
    virtual ~CgroupTree() = default;

    virtual int make(std::string const& path);
    virtual int remove(std::string const& path);
    /// To a file that exists.
    virtual int write(std::string const& path, std::string const& text);
};
[[nodiscard]] CgroupTree& kernel_cgroups();

/// A cgroup for one run. Whoever made it holds a lock on it, which ends with its process: by that
/// others know which ones are left over. The destructor removes it, if nothing runs in it any more.
class RunCgroup {
  public:
    /// Makes one below `own` that may use so many MiB, without swap. In version 2 no process may
    /// stay beside it, so those of `own` are moved into another child of it, "reprise.rest", where
    /// they are held to nothing new. Removes what killed owners left. Throws Error where that is
    /// not allowed or not possible. The tree must outlive the cgroup.
    [[nodiscard]] static RunCgroup make(MemoryCgroup const& own, std::int64_t limit_mb,
                                        CgroupTree& tree = kernel_cgroups());

    RunCgroup(RunCgroup&& other) noexcept;
    RunCgroup& operator=(RunCgroup&& other) = delete;
    RunCgroup(RunCgroup const&) = delete;
    RunCgroup& operator=(RunCgroup const&) = delete;
    ~RunCgroup();

    [[nodiscard]] MemoryCgroup const& cgroup() const noexcept { return cgroup_; }
    /// A process that writes "0" here goes into the cgroup, with all that it will start.
    [[nodiscard]] std::string procs_path() const { return cgroup_.path + "/cgroup.procs"; }
    /// Whether the limit was ever in the way. When a process was killed without that, memory had
    /// run out higher up.
    [[nodiscard]] bool limit_was_reached() const;
    /// The most that was used at once, in MiB, with file pages in memory; 0: not known.
    [[nodiscard]] double peak_mb() const;

  private:
    RunCgroup(MemoryCgroup cgroup, std::int64_t limit_mb, Fd lock, CgroupTree& tree);

    MemoryCgroup cgroup_;
    std::int64_t limit_mb_ = 0;
    Fd lock_;
    CgroupTree* tree_;
};

/// The directory in which this process makes cgroups of runs; empty where there is none.
[[nodiscard]] std::string place_of_run_cgroups();

/// Removes the empty cgroups of runs whose owners are gone from there. When no run is left, in
/// version 2, those who were moved aside come back, and "reprise.rest" is removed.
/// @param proc_self another place than /proc/self, for tests
void sweep_run_cgroups(CgroupTree& tree = kernel_cgroups(),
                       std::string const& proc_self = "/proc/self") noexcept;

}  // namespace reprise
