/// @file The GPUs that this host has for the job, and the variables that show a run its own.
#pragma once

#include <string>
#include <vector>

namespace reprise {

struct FoundGpus {
    std::vector<std::string> devices;  ///< indices, UUIDs or MIG names, as they were given
    std::string source;                ///< the variable that names them, or "/dev"; empty: neither
    bool assigned = false;             ///< a variable names them: they are the job's

    friend bool operator==(FoundGpus const&, FoundGpus const&) = default;
};

/// Looked for in this order: CUDA_VISIBLE_DEVICES; ROCR_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES,
/// which come first where there are AMD devices only; SLURM_JOB_GPUS; _CONDOR_AssignedGPUs; and the
/// device files nvidia0, nvidia1, … A variable that is there but empty says that there are none.
/// @param device_folder /dev, or another one in tests
[[nodiscard]] FoundGpus find_gpus(std::vector<std::string> const& environment,
                                  std::string const& device_folder = "/dev");

/// What to add to the environment of a run ("NAME=value") so that it sees these devices and no
/// others: CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES, or AMD's, and those of others that are
/// set already. Containers get them under the same names.
[[nodiscard]] std::vector<std::string> gpu_variables(std::vector<std::string> const& environment,
                                                     std::vector<std::string> const& devices,
                                                     std::string const& device_folder = "/dev");

}  // namespace reprise
