#include "reprise/container/training_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace reprise {
namespace {

/// Everything that begins so belongs to the launcher of our ranks.
constexpr std::array<std::string_view, 17> launcher_prefixes{
    // Open MPI, PRRTE, PMIx; Hydra (MPICH, Intel MPI) and its PMI
    "OMPI_", "ORTE_", "PRTE_", "PMIX_", "PMI_", "HYDRA_", "HYDI_", "MPI_LOCAL",
    // srun(1), "OUTPUT ENVIRONMENT VARIABLES": those that describe a step or a task of it
    "SLURM_STEP", "SLURM_TASK_", "SLURM_SRUN_COMM_", "SLURM_CPU_BIND", "SLURM_MEM_BIND",
    "SLURM_PMI", "SLURM_RLIMIT_",
    // our own
    "REPRISE_LAUNCHER", "REPRISE_INTERNAL"};

/// The same, where only the whole name will do.
constexpr std::array<std::string_view, 9> launcher_names{
    "SLURM_PROCID",   "SLURM_LOCALID",      "SLURM_NODEID",
    "SLURM_GTIDS",    "SLURM_DISTRIBUTION", "SLURM_LAUNCH_NODE_IPADDR",
    "SLURM_MPI_TYPE", "SLURM_PRIO_PROCESS", "SLURM_UMASK"};

std::string_view name_of_variable(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

}  // namespace

bool is_launcher_variable(std::string_view name) {
    return std::any_of(launcher_prefixes.begin(), launcher_prefixes.end(),
                       [&](auto prefix) { return name.starts_with(prefix); }) ||
           std::find(launcher_names.begin(), launcher_names.end(), name) != launcher_names.end();
}

std::vector<std::string> training_environment(std::vector<std::string> const& inherited,
                                              std::vector<std::string> const& additions) {
    std::vector<std::string> result;
    result.reserve(inherited.size() + additions.size());
    auto const is_replaced = [&](std::string_view name) {
        return std::any_of(additions.begin(), additions.end(), [&](auto const& addition) {
            return name_of_variable(addition) == name;
        });
    };
    for (auto const& variable : inherited) {
        auto const name = name_of_variable(variable);
        if (!is_launcher_variable(name) && !is_replaced(name)) result.push_back(variable);
    }
    result.insert(result.end(), additions.begin(), additions.end());
    return result;
}

std::vector<std::string> own_environment() {
    std::vector<std::string> result;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        result.emplace_back(*variable);
    }
    return result;
}

}  // namespace reprise
