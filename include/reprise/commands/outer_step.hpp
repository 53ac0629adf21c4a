/// @file Whether somebody else has started several of us, one for each rank: srun, or an mpirun
/// around the job. Each of them is a task, with a launcher and a rank of its own. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace reprise {

struct OuterStep {
    std::string starter;     ///< "srun" or "mpirun"
    int task = 0;            ///< this one; the same number as its MPI rank
    int tasks = 2;           ///< at least two
    bool connected = true;   ///< MPI is told how to find the other tasks
    bool one_host = false;   ///< all of them run on this one, as far as the environment says
    bool by_slurm = false;   ///< slurmstepd is the parent of the tasks
    std::string mpi_server;  ///< ports of the PMIx server, as it announces them; may be empty

    friend bool operator==(OuterStep const&, OuterStep const&) = default;
};

/// Reads the variables of srun(1) ("OUTPUT ENVIRONMENT VARIABLES"), PMIx, Open MPI and Hydra.
/// Nothing when this is the only task.
/// @param environment "NAME=value"
[[nodiscard]] std::optional<OuterStep> find_outer_step(std::vector<std::string> const& environment);

/// "srun has started 3 tasks of this job, which are its ranks"
[[nodiscard]] std::string describe(OuterStep const& step);

}  // namespace reprise
