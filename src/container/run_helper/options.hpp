/// @file The helper's command line.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <vector>

namespace reprise::run_helper {

/// A command as execvp takes it, with a null pointer at the end; empty: no such command.
using Command = std::vector<char*>;

struct Options {
    int report_fd = -1;
    int stop_signal = SIGTERM;
    std::chrono::milliseconds stop_grace{5000};
    Command backend;
    Command learner;
    Command stop;
};

/// reprise-run-helper --report-fd N [--stop-signal N] [--stop-grace-ms N]
///     [--backend COUNT ARGUMENT…] --learner COUNT ARGUMENT… [--stop COUNT ARGUMENT…]
/// COUNT arguments follow as they are, whatever they look like. Returns nothing when the line is
/// not of this form, and then `problem` says why.
std::optional<Options> parse_options(int argc, char** argv, char const*& problem);

}  // namespace reprise::run_helper
