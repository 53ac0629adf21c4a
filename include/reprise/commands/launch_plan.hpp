/// @file How the ranks are started on this machine. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reprise/commands/mpi_starter.hpp"
#include "reprise/commands/outer_step.hpp"

namespace reprise {

struct LaunchRequest {
    std::string program;  ///< absolute path of reprise
    std::string channel;
    std::string scratch;  ///< private directory for what mpirun and MPI put on disk
    int ranks = 1;
    bool use_mpirun = false;
    MpiFamily mpi = built_mpi_family();
    int nodes = 1;  ///< over which mpirun spreads the ranks: see nodes_to_use()
    bool root = false;
    std::vector<std::string> mpirun_args;  ///< the user's own
    std::vector<std::string> job_arguments;
    bool exit_for_restart = false;
    std::string log_level;
    std::vector<std::string> environment;  ///< of the launcher, "NAME=value"
    std::string cpus;                      ///< of the launcher: see host_survey.hpp
    std::string container;                 ///< "NAME=value": see container_choice.hpp
    std::string walltime;                  ///< "NAME=value": see job_time.hpp; empty: no end
    std::optional<OuterStep> outer;        ///< then one rank is started, which belongs to it
    std::string hub;                       ///< of task 0: see task_hub.hpp
    bool refuse = false;                   ///< the rank sends the others home: the job has failed
};

struct LaunchPlan {
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    /// Descriptors that stay open in the child: ours, and its number there.
    std::vector<std::pair<int, int>> fds;
    int keep_fd = -1;  ///< number that the child's end of a SocketKeeper gets; -1: there is none
};

/// Where the launcher of task 0 tells its rank, and nobody who looks at command lines, what the
/// other tasks need.
inline constexpr char const* task_hub_variable = "REPRISE_INTERNAL_HUB";

/// Of a Slurm job of several nodes, when its batch script has started us: all of them. Else 1.
/// @param environment "NAME=value"
[[nodiscard]] int nodes_to_use(std::vector<std::string> const& environment,
                               MpiFamily mpi = built_mpi_family());
/// One line for the user where a Slurm job has more nodes than nodes_to_use() says.
[[nodiscard]] std::optional<std::string> notice_of_unused_nodes(
    std::vector<std::string> const& environment, MpiFamily mpi = built_mpi_family());

/// The command line and environment for the ranks (tried with Open MPI 4.1 and 5.0 and MPICH 4.2).
[[nodiscard]] LaunchPlan plan_launch(LaunchRequest const& request);

}  // namespace reprise
