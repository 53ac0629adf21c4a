#include "reprise/system/process_memory.hpp"

#include <cstdlib>
#include <optional>

#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

/// The kB after "NAME:" in a file such as /proc/PID/status.
std::optional<double> read_kib(std::string const& path, std::string const& name) {
    constexpr std::size_t max_bytes = 65536;
    try {
        auto const text = "\n" + read_file(path, max_bytes);
        auto const at = text.find("\n" + name + ":");
        if (at == std::string::npos) return std::nullopt;
        return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
    } catch (Error const&) {
        return std::nullopt;
    }
}

}  // namespace

double memory_used_mb(std::span<ProcessId const> processes, std::string const& proc) {
    double kib = 0.0;
    for (auto const& process : processes) {
        auto const directory = proc + "/" + std::to_string(process.pid);
        auto used = read_kib(directory + "/smaps_rollup", "Pss");
        if (!used) used = read_kib(directory + "/status", "VmRSS");
        kib += used.value_or(0.0);
    }
    return kib / 1024.0;
}

}  // namespace reprise
