/// @file A template set with the seed's five keys, smaller.
#pragma once

#include "memory_files.hpp"

namespace reprise {

inline MemoryFiles sample_files() {
    return {
        {"hp/templates.json", R"({
            "reward_config": "../config/reward.json", "hysr_config": "../config/hysr.json",
            "pam_config": "/opt/pam/hill.json", "rl_config": "../config/ppo.json",
            "rl_common_config": "../config/rl_common.json"})"},
        {"config/reward.json", R"({"normalization_constant": 3.0, "smash": false})"},
        {"config/hysr.json", R"({
            "robot_type": "pamy2", "robot_position": [0.0, 0.0, 1.21],
            "starting_pressures": [[18000, 18000], [17000, 17500]],
            "world_boundaries": {"min": [0.0, -1.0], "max": [1.6, 3.5]}, "empty": [],
            "graphics": true, "xterms": true})"},
        {"/opt/pam/hill.json", R"({"a": 1e-07})"},
        {"config/ppo.json", R"({
            "num_timesteps": 500000, "n_steps": 5000, "learning_rate": 0.00015, "ent_coef": 0,
            "num_hidden": 380, "load_path": "", "save_path": "/tmp/model",
            "log_path": "/tmp/training_log"})"},
        {"config/rl_common.json", R"({"algorithm": "ppo", "random_seed": null})"},
    };
}

}  // namespace reprise
