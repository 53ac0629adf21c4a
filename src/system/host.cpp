#include "reprise/system/host.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

constexpr int max_cpu = 65535;

std::optional<int> parse_number(std::string_view text) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

/// "QUOTA PERIOD" → their ratio; nothing when the quota is "max" or -1.
std::optional<double> parse_quota(std::string const& text) {
    auto const space = text.find_first_of(" \n");
    if (space == std::string::npos) return std::nullopt;
    auto const end = text.find_first_of(" \n", space + 1);
    auto const quota = parse_number(std::string_view(text).substr(0, space));
    auto const period = parse_number(std::string_view(text).substr(
        space + 1, end == std::string::npos ? std::string::npos : end - space - 1));
    if (!quota || !period || *period == 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// The smallest quota on the way from a cgroup to the root, in CPUs.
std::optional<double> cgroup_quota(std::string const& mount, std::string path, bool version_2) {
    std::optional<double> smallest;
    while (true) {
        auto const directory = mount + (path == "/" ? "" : path);
        auto const text = version_2 ? kernel_file(directory + "/cpu.max")
                                    : kernel_file(directory + "/cpu.cfs_quota_us") +
                                          kernel_file(directory + "/cpu.cfs_period_us");
        if (auto const quota = parse_quota(text)) {
            smallest = std::min(smallest.value_or(*quota), *quota);
        }
        auto const slash = path.rfind('/');
        if (path.size() <= 1 || slash == std::string::npos) return smallest;
        path.resize(std::max<std::size_t>(slash, 1));
    }
}

}  // namespace

std::string host_name() {
    std::array<char, 256> buffer{};
    if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "unknown";
    return buffer.data();
}

std::vector<int> usable_cpus() {
    // The kernel refuses a set that is smaller than its own, whose size it does not tell.
    for (std::size_t count = 1024; count <= max_cpu + 1; count *= 4) {
        cpu_set_t* const set = CPU_ALLOC(count);
        REPRISE_ASSERT(set != nullptr);
        auto const size = CPU_ALLOC_SIZE(count);
        int const error = ::sched_getaffinity(0, size, set) == 0 ? 0 : errno;
        std::vector<int> cpus;
        for (std::size_t cpu = 0; error == 0 && cpu < count; ++cpu) {
            if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(static_cast<int>(cpu));
        }
        CPU_FREE(set);
        if (error == 0) return cpus;
        if (error != EINVAL) throw posix_error(error, "read", "the CPU affinity");
    }
    throw posix_error(EINVAL, "read", "the CPU affinity");
}

// From /proc/self/cgroup (cgroups(7)): lines "NUMBER:CONTROLLERS:PATH", version 2 has "0::PATH".
std::optional<double> cpu_quota() {
    auto const text = kernel_file("/proc/self/cgroup");
    std::optional<double> smallest;
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = std::min(text.find('\n', begin), text.size());
        auto const line = text.substr(begin, end - begin);
        begin = end + 1;
        auto const first = line.find(':');
        auto const second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        auto const controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        bool const version_2 = controllers == ",,";
        if (!version_2 && controllers.find(",cpu,") == std::string::npos) continue;
        auto const quota = cgroup_quota(version_2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu",
                                        line.substr(second + 1), version_2);
        if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
    }
    return smallest;
}

std::string format_cpu_list(std::vector<int> const& cpus) {
    REPRISE_EXPECT(std::is_sorted(cpus.begin(), cpus.end()));
    std::string text;
    for (std::size_t i = 0; i < cpus.size();) {
        std::size_t last = i;
        while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(cpus[i]);
        if (last > i) text += '-' + std::to_string(cpus[last]);
        i = last + 1;
    }
    return text;
}

std::optional<std::vector<int>> parse_cpu_list(std::string const& text) {
    std::vector<int> cpus;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find(',', begin), text.size());
        auto const part = std::string_view(text).substr(begin, end - begin);
        auto const dash = std::min(part.find('-'), part.size());
        auto const first = parse_number(part.substr(0, dash));
        auto const last = dash == part.size() ? first : parse_number(part.substr(dash + 1));
        if (!first || !last || *first > *last || *last > max_cpu) return std::nullopt;
        for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
        begin = end + 1;
    }
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    return cpus;
}

}  // namespace reprise
