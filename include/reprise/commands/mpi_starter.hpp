/// @file The program of the MPI library that starts the ranks, and its ways. Pure.
#pragma once

#include <string>
#include <vector>

namespace reprise {

enum class MpiFamily {
    open_mpi_4,
    open_mpi_5,
    hydra,  ///< MPICH, Intel MPI, MVAPICH
};

/// Of the library that this program was built with.
[[nodiscard]] MpiFamily built_mpi_family() noexcept;

struct MpiStarter {
    char const* program;  ///< as on PATH
    char const* library;  ///< for messages
    bool passes_usr2_on;  ///< to the ranks; it dies of that signal otherwise
    bool several_nodes;   ///< it is told here how to spread ranks over the nodes of a job
    int generations;      ///< 1: the ranks are its children; 2: there is a proxy in between
    /// How srun reaches the library, for messages: the value of its --mpi= and of SLURM_MPI_TYPE.
    char const* srun_type;
};

[[nodiscard]] MpiStarter const& starter_of(MpiFamily family) noexcept;

/// Whether this exit code of the starter says that a signal has ended a rank, or itself.
[[nodiscard]] bool says_killed(MpiFamily family, int exit_code) noexcept;

/// For messages: how the user makes srun start tasks that this library knows of each other.
[[nodiscard]] std::string advice_for_srun(MpiFamily family);

// Variables ("NAME=value") for it and for the ranks' MPI library. The user's own go before them.

/// All ranks on this host. @param scratch private directory for what they put on disk
[[nodiscard]] std::vector<std::string> settings_on_one_host(MpiFamily family,
                                                            std::string const& scratch);
/// Ranks go round the nodes of the batch job. Only where `several_nodes` is true.
[[nodiscard]] std::vector<std::string> settings_between_nodes(MpiFamily family,
                                                              std::string const& scratch);
/// For a rank that srun or an mpirun around the job has started.
[[nodiscard]] std::vector<std::string> settings_in_step(MpiFamily family, bool one_host,
                                                        std::string const& scratch);

/// Whether one of the functions above has set this variable ("NAME=value") and a training, to which
/// it would mean something too, must not find it. (It never sees OMPI_*, PRTE_* and HYDRA_*.)
[[nodiscard]] bool is_for_mpi_alone(std::string const& variable, std::string const& scratch);

}  // namespace reprise
