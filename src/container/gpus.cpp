#include "reprise/container/gpus.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "variables.hpp"

namespace reprise {
namespace {

constexpr char const* cuda = "CUDA_VISIBLE_DEVICES";
constexpr char const* rocr = "ROCR_VISIBLE_DEVICES";
constexpr char const* hip = "HIP_VISIBLE_DEVICES";
constexpr char const* ordinal = "GPU_DEVICE_ORDINAL";
constexpr int max_index = 1023;
/// What HTCondor (seen with 23.9) sets all variables to in a job that asked for no GPU.
constexpr std::string_view condor_no_device = "10000";

/// The numbers of the files nvidia0, nvidia1, …
std::vector<int> nvidia_devices(std::string const& folder) {
    constexpr std::string_view prefix = "nvidia";
    std::vector<int> numbers;
    std::error_code ignored;
    for (auto const& entry : std::filesystem::directory_iterator(folder, ignored)) {
        auto const name = entry.path().filename().string();
        if (!name.starts_with(prefix)) continue;
        auto const number = whole_number(std::string_view(name).substr(prefix.size()));
        if (number) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

bool has(std::vector<std::string> const& environment, char const* name) {
    return find_variable(environment, name).has_value();
}

/// Slurm may set the variables of every vendor, so the device files decide.
bool is_amd(std::vector<std::string> const& environment, std::string const& folder) {
    if (!has(environment, rocr) && !has(environment, hip)) return false;
    if (!has(environment, cuda)) return true;
    std::error_code ignored;
    return std::filesystem::exists(folder + "/kfd", ignored) && nvidia_devices(folder).empty();
}

std::string trimmed(std::string_view text) {
    auto const begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

/// "3" and "0-3" are indices; UUIDs have hyphens too.
void add_devices(std::vector<std::string>& devices, std::string const& item) {
    auto const add = [&](std::string const& device) {
        if (std::find(devices.begin(), devices.end(), device) == devices.end()) {
            devices.push_back(device);
        }
    };
    auto const dash = std::min(item.find('-'), item.size());
    auto const first = whole_number(item.substr(0, dash));
    auto const last =
        dash < item.size() ? whole_number(item.substr(dash + 1)) : std::optional<int>();
    if (!first || !last || *first > *last || *last > max_index) return add(item);
    for (int index = *first; index <= *last; ++index) add(std::to_string(index));
}

std::vector<std::string> parse_devices(std::string const& list) {
    std::vector<std::string> devices;
    for (std::size_t begin = 0; begin <= list.size();) {
        auto const end = std::min(list.find(',', begin), list.size());
        auto item = trimmed(std::string_view(list).substr(begin, end - begin));
        begin = end + 1;
        if (item.empty()) continue;
        // CUDA stops at an index that does not exist. Where there is none Slurm writes the other,
        // HTCondor an index beyond all.
        if (item.starts_with('-') || item == "NoDevFiles" || item == condor_no_device) break;
        // HTCondor: CUDA0, CUDA1, …
        if (item.starts_with("CUDA") && whole_number(item.substr(4))) item.erase(0, 4);
        add_devices(devices, item);
    }
    return devices;
}

std::string joined(std::vector<std::string> const& devices, std::string const& none) {
    if (devices.empty()) return none;
    std::string list;
    for (auto const& device : devices) list += (list.empty() ? "" : ",") + device;
    return list;
}

std::vector<std::string> first_indices(std::size_t count) {
    std::vector<std::string> indices;
    for (std::size_t i = 0; i < count; ++i) indices.push_back(std::to_string(i));
    return indices;
}

/// An index that does not exist hides all devices. (Nothing would do too, but some programs take
/// that for a variable that is not set.)
constexpr char const* no_device = "-1";

}  // namespace

FoundGpus find_gpus(std::vector<std::string> const& environment, std::string const& device_folder) {
    std::vector<char const*> names{cuda, rocr, hip};
    if (is_amd(environment, device_folder)) names = {rocr, hip, cuda};
    names.insert(names.end(), {"SLURM_JOB_GPUS", "_CONDOR_AssignedGPUs"});
    for (auto const* const name : names) {
        if (auto const list = find_variable(environment, name)) {
            return {parse_devices(*list), name, true};
        }
    }
    FoundGpus found;
    for (int const number : nvidia_devices(device_folder)) {
        found.devices.push_back(std::to_string(number));
        found.source = device_folder;
    }
    return found;
}

std::vector<std::string> gpu_variables(std::vector<std::string> const& environment,
                                       std::vector<std::string> const& devices,
                                       std::string const& device_folder) {
    std::vector<std::string> variables;
    auto const set = [&](std::string const& name, std::string const& list) {
        variables.push_back(name + "=" + list);
    };
    auto const list = joined(devices, no_device);
    if (is_amd(environment, device_folder)) {
        bool const by_rocr = has(environment, rocr);
        set(by_rocr ? rocr : hip, list);
        // The layers above count only what ROCr lets them see.
        auto const above = by_rocr ? joined(first_indices(devices.size()), no_device) : list;
        for (auto const* const name : {hip, cuda, ordinal}) {
            if (has(environment, name) && (by_rocr || name != hip)) set(name, above);
        }
        return variables;
    }
    set(cuda, list);
    set("NVIDIA_VISIBLE_DEVICES", joined(devices, "none"));
    for (auto const* const name : {rocr, hip, ordinal, "ZE_AFFINITY_MASK"}) {
        bool const hide = devices.empty() && (name == rocr || name == hip);
        if (hide || has(environment, name)) set(name, list);
    }
    return variables;
}

}  // namespace reprise
