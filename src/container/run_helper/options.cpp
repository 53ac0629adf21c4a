#include "options.hpp"

#include <cstdlib>
#include <cstring>

namespace reprise::run_helper {
namespace {

/// A whole number in [0, limit], else -1.
long parse_number(char const* text, long limit) {
    char* end = nullptr;
    long const value = std::strtol(text, &end, 10);
    return end == text || *end != '\0' || value < 0 || value > limit ? -1 : value;
}

Command* command_of(Options& options, char const* flag) {
    if (std::strcmp(flag, "--backend") == 0) return &options.backend;
    if (std::strcmp(flag, "--learner") == 0) return &options.learner;
    if (std::strcmp(flag, "--stop") == 0) return &options.stop;
    return nullptr;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, char const*& problem) {
    constexpr long max_grace_ms = 24L * 3600 * 1000;
    constexpr long max_fd = 1L << 20;
    constexpr long max_signal = 64;
    Options options;
    for (int i = 1; i < argc; i += 2) {
        char const* const flag = argv[i];
        if (i + 1 == argc) return problem = "a flag without a value", std::nullopt;
        if (auto* const command = command_of(options, flag)) {
            long const count = parse_number(argv[i + 1], argc - i - 2);
            if (count < 1) return problem = "a count that does not fit its command", std::nullopt;
            command->assign(argv + i + 2, argv + i + 2 + count);
            command->push_back(nullptr);
            i += static_cast<int>(count);
            continue;
        }
        long value = -1;
        if (std::strcmp(flag, "--report-fd") == 0) {
            value = parse_number(argv[i + 1], max_fd);
            options.report_fd = static_cast<int>(value);
        } else if (std::strcmp(flag, "--stop-signal") == 0) {
            value = parse_number(argv[i + 1], max_signal);
            options.stop_signal = static_cast<int>(value);
        } else if (std::strcmp(flag, "--stop-grace-ms") == 0) {
            value = parse_number(argv[i + 1], max_grace_ms);
            options.stop_grace = std::chrono::milliseconds(value);
        }
        if (value < 0) return problem = "an unknown flag or a wrong number", std::nullopt;
    }
    if (options.report_fd < 0) return problem = "no --report-fd", std::nullopt;
    if (options.learner.empty()) return problem = "no --learner", std::nullopt;
    return options;
}

}  // namespace reprise::run_helper
