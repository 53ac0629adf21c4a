/// @file How the ranks are started on this machine. Pure.
#pragma once

#include <string>
#include <vector>

namespace reprise {

struct LaunchRequest {
    std::string program;  ///< absolute path of reprise
    std::string channel;
    std::string scratch;  ///< private directory for what mpirun and MPI put on disk
    int ranks = 1;
    bool use_mpirun = false;
    bool root = false;
    std::vector<std::string> mpirun_args;  ///< the user's own
    std::vector<std::string> job_arguments;
    bool exit_for_restart = false;
    std::string log_level;
    std::vector<std::string> environment;  ///< of the launcher, "NAME=value"
    std::string cpus;                      ///< of the launcher: see host_survey.hpp
    std::string container;                 ///< "NAME=value": see container_choice.hpp
    std::string walltime;                  ///< "NAME=value": see job_time.hpp; empty: no end
};

struct LaunchPlan {
    std::vector<std::string> argv;
    std::vector<std::string> environment;
};

/// The command line and environment for the ranks (Open MPI 4.1 and 5.0; options: mpirun(1)).
[[nodiscard]] LaunchPlan plan_launch(LaunchRequest const& request);

}  // namespace reprise
