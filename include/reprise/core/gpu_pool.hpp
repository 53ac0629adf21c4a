/// @file The GPUs of one host, dealt out to the attempts that run there. Pure.
///
/// Whole devices when there are enough, else each device is shared by equally many. Every attempt
/// of a job gets the same number of devices, whenever it starts: how many a training uses changes
/// what it computes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace reprise {

/// How many devices each attempt gets.
struct GpuShare {
    int devices = 0;  ///< 0: none are visible to it
    int sharers = 1;  ///< attempts that may have one device at the same time, >= 1
};

/// @param devices  that the host has, >= 0
/// @param runs     attempts at the same time, >= 1
/// @param per_run  what the user asked for: 0, a whole number, or a fraction below 1; nothing: as
///                 much as there is for all
/// @return nothing when there is not enough for what was asked for
[[nodiscard]] std::optional<GpuShare> plan_gpu_share(int devices, int runs,
                                                     std::optional<double> per_run);

class GpuPool {
  public:
    /// @param devices opaque names: indices, UUIDs, MIG names
    GpuPool(std::vector<std::string> devices, GpuShare share);

    /// The least used devices, in the order of the list. Returns their names.
    [[nodiscard]] std::vector<std::string> take();
    void give_back(std::vector<std::string> const& devices);

    [[nodiscard]] std::vector<std::string> const& devices() const noexcept { return devices_; }
    [[nodiscard]] GpuShare share() const noexcept { return share_; }

  private:
    std::vector<std::string> devices_;
    std::vector<int> holders_;  ///< of each device
    GpuShare share_;
};

}  // namespace reprise
