/// @file What distinguishes one attempt from the next, for its configuration and its commands.
#pragma once

#include <cstdint>
#include <string>

#include "reprise/core/attempt.hpp"

namespace reprise {

struct AttemptContext {
    AttemptKey key;
    std::string working_dir;      ///< of the job, absolute
    std::int64_t seed = 0;        ///< derived, [0, 2^31); a fixed one in the configuration wins
    std::string load_path;        ///< model to continue from, absolute; empty: a fresh start
    std::int64_t steps_left = 0;  ///< to train; 0: as many as the configuration says

    /// working_dir/run_R.I-A
    [[nodiscard]] std::string run_dir() const { return working_dir + "/" + directory_name(key); }
    /// run_dir/config.json
    [[nodiscard]] std::string config_path() const { return run_dir() + "/config.json"; }
};

}  // namespace reprise
