/// @file What the helper reports about an attempt, line by line (format: src/container/run_helper/
/// report_format.hpp), collected.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "reprise/core/error.hpp"
#include "reprise/system/child_process.hpp"

namespace reprise {

/// Why the helper ended the attempt.
enum class RunEnd {
    learner_ended,
    backend_died,
    not_started,
    stopped,  ///< SIGTERM to the helper
    killed,   ///< SIGHUP, a second SIGTERM, or its parent's death
};

/// All that the helper has said so far.
struct RunReport {
    struct Command {
        pid_t pid = -1;  ///< -1: not started
        std::optional<ExitStatus> status;
        int start_errno = 0;  ///< why it could not be started; 0: it could
        std::string program;  ///< that could not be started
    };
    bool version_seen = false;
    Command backend;
    Command learner;
    Command stop;
    std::optional<RunEnd> end;  ///< the last line has come; nothing of the attempt runs any more
    double cpu_s = 0.0;
    double peak_memory_mb = 0.0;
    int left_running = 0;
};

/// Takes one line (without its newline) into the report. Returns what is wrong with a line that is
/// none of ours, nothing otherwise.
[[nodiscard]] std::optional<ParseError> take_report_line(RunReport& report, std::string_view line);

}  // namespace reprise
