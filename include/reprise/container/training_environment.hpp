/// @file The environment that a training sees: the user's, without what the MPI launcher, the
/// resource manager's step and Reprise itself put there for the ranks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// Whether a training must not see a variable of this name: OMPI_*, PMIX_*, PMI_*, PRTE_*,
/// HYDRA_*, the Slurm variables of a step or task (SLURM_PROCID; those of the job stay), and our
/// own REPRISE_LAUNCHER*, REPRISE_INTERNAL*. The table is in the source.
[[nodiscard]] bool is_launcher_variable(std::string_view name);

/// `inherited` without launcher variables, then `additions` ("NAME=value"), which replace a
/// variable of the same name.
[[nodiscard]] std::vector<std::string> training_environment(
    std::vector<std::string> const& inherited, std::vector<std::string> const& additions);

/// This process's environment as "NAME=value".
[[nodiscard]] std::vector<std::string> own_environment();

}  // namespace reprise
