/// @file The cores that this host has for the job: which CPUs, how they are grouped, and how much
/// CPU time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/cpu_pool.hpp"

struct hwloc_topology;

namespace reprise {

/// These CPUs with their cores and memory nodes, neighbours side by side. A CPU that the topology
/// does not know is a core of its own.
[[nodiscard]] std::vector<Cpu> arrange_cpus(hwloc_topology* topology,
                                            std::vector<int> const& numbers);

/// The same on this host. Where nothing is known of its topology each CPU is a core of its own.
[[nodiscard]] std::vector<Cpu> arrange_cpus_of_host(std::vector<int> const& numbers);

/// CPUs' worth of time that the job may use, where less than its CPUs: the smallest of the
/// cgroup's quota (cpu_quota()) and of what HTCondor and Slurm say that they gave, neither of which
/// has to bind a job to CPUs. 0: nothing limits it.
[[nodiscard]] double cpu_limit_of(std::vector<std::string> const& environment, int cpus,
                                  std::optional<double> quota);

/// What to tell the user when a step of Slurm may use fewer CPUs than its task was given, which is
/// what srun does by default since 22.05 where Slurm binds tasks to CPUs; else nothing.
/// @param cpus this process's; @param host_cpus all of this host
[[nodiscard]] std::optional<std::string> notice_of_narrow_step(
    std::vector<std::string> const& environment, int cpus, int host_cpus);

}  // namespace reprise
