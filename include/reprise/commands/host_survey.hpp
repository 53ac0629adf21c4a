/// @file What a rank finds on its host, for rank 0.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/core/host_shares.hpp"

namespace reprise {

/// Through which the launcher tells its ranks the CPUs that it may use itself: mpirun may bind each
/// of them to a part of those.
inline constexpr char const* launcher_cpus_variable = "REPRISE_LAUNCHER_CPUS";

/// This process's CPUs as that variable has them: "0-3,8@HOST".
[[nodiscard]] std::string launcher_cpus();

/// The CPUs of the launcher when it runs on this host; else nothing.
/// @param environment "NAME=value"
[[nodiscard]] std::vector<int> cpus_of_launcher(std::vector<std::string> const& environment,
                                                std::string const& host);

/// See notice_of_narrow_step().
[[nodiscard]] std::optional<std::string> notice_of_few_cpus(
    std::vector<std::string> const& environment);

/// What a rank with this environment may use of this host. Takes some ms. Throws Error.
[[nodiscard]] HostFacts survey_host(std::vector<std::string> const& environment);

}  // namespace reprise
