/// @file This machine: its name, and the cores this process may use.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace reprise {

/// As `hostname` says it, not resolved.
[[nodiscard]] std::string host_name();

/// Numbers of the CPUs in this process's affinity mask, ascending. Throws Error.
[[nodiscard]] std::vector<int> usable_cpus();

/// How many CPUs' worth of time the quotas of this process's cgroups (cpu.max, cpu.cfs_quota_us)
/// allow it; nothing: as much as there is.
[[nodiscard]] std::optional<double> cpu_quota();

/// {0, 1, 2, 8} → "0-2,8". Expects ascending numbers.
[[nodiscard]] std::string format_cpu_list(std::vector<int> const& cpus);

/// "0-2,8" → {0, 1, 2, 8}, ascending and without repetition; nothing when it is no such list or
/// names a CPU above 65535.
[[nodiscard]] std::optional<std::vector<int>> parse_cpu_list(std::string const& text);

}  // namespace reprise
