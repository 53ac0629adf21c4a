/// @file One attempt's memory: held to its limit by a cgroup, or watched where that may not be
/// made; and whether the kernel killed for want of memory, with a limit or without.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reprise/core/run_supervisor.hpp"
#include "reprise/system/memory_cgroup.hpp"

namespace reprise {

class RunMemory {
  public:
    /// Before anything of the attempt is started.
    /// @param limit_mb MiB; 0: none, then nothing is made
    explicit RunMemory(std::int64_t limit_mb, CgroupTree& tree = kernel_cgroups());

    /// For TrainingSpec: where the first process is to go; empty: nowhere.
    [[nodiscard]] std::string cgroup_procs() const { return run_ ? run_->procs_path() : ""; }
    /// Why the limit is watched from here instead of by the kernel, one line; empty: it is not.
    [[nodiscard]] std::string const& why_watched() const noexcept { return why_watched_; }
    /// How it stands. Watched, it counts all that descends from this process.
    [[nodiscard]] MemorySeen look() const;
    /// When all has ended: adds to the facts what is known about its memory.
    void complete(TrainingFacts& facts) const;

  private:
    std::optional<MemoryCgroup> own_;
    std::int64_t kills_before_ = 0;  ///< in own_
    std::optional<RunCgroup> run_;
    std::string why_watched_;
};

}  // namespace reprise
