/// @file What a job is asked to do, in numbers that the decisions need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reprise {

struct JobPlan {
    int learning_runs = 3;         ///< reruns of the sample, >= 1
    int training_iterations = 1;   ///< trainings that follow one another in each rerun, >= 1
    int max_attempts = 3;          ///< failures of one learning run that fail it for good, >= 1
    int accept = 3;                ///< learning runs that must succeed, [1, learning_runs]
    int iterations_per_start = 1;  ///< training iterations after which a start leaves, >= 1
    int max_restarts = 1000;       ///< starts after the first, >= 0
    int early_reports = 0;         ///< milestones over all iterations; 0: none
    std::int64_t steps_per_iteration = 0;  ///< of one training; 0: not known
    bool checkpoints = false;  ///< the learner leaves some: what is cut short goes on from them
    std::uint64_t base_seed = 0;
    std::vector<std::string> reducers{};  ///< beyond mean and std, names of statistics/reducers
};

}  // namespace reprise
