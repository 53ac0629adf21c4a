/// @file What the user reads when a job fails: the lines that ERROR_ENCOUNTERED carries.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace reprise {

/// Something that explains a failure, such as the last lines of an attempt's stderr.
struct Evidence {
    std::string heading;             ///< e.g. "last lines of run_0.0-2/stderr.txt"
    std::vector<std::string> lines;  ///< any bytes; with or without newlines
};

/// Why a job failed. `title` is the message in the usual form, "problem (why). Suggestion."
struct Failure {
    std::string title;
    std::vector<Evidence> evidence;  ///< what happened first, first
};

/// Lines like those of Python's traceback.format_exception, each ending in a newline: a first line
/// that says what follows, the evidence indented under its headings, and the title as the last
/// line, because the server's log shows the last line only ("Job 3 died with error […]").
/// Valid UTF-8 whatever came in; control characters are dropped, of lines with carriage returns
/// only the last part is kept, blank lines around the evidence go.
[[nodiscard]] std::vector<std::string> error_report(Failure const& failure);

/// The least that cut_to_fit can be asked for.
inline constexpr std::size_t min_report_bytes = 16'384;

/// What one line may keep once a report has to be cut.
inline constexpr std::size_t max_cut_line_bytes = 2'048;

/// Bytes that are counted for each line beside its text (the largest header of a pickled str).
inline constexpr std::size_t report_line_overhead = 5;

/// The lines as they are (made valid UTF-8) if they take at most `max_bytes`, each counted with
/// report_line_overhead. Otherwise first a quarter and then the end of the text are kept, with one
/// line between them that says how much was left out; lines longer than max_cut_line_bytes lose
/// their middle. Expects max_bytes >= min_report_bytes.
[[nodiscard]] std::vector<std::string> cut_to_fit(std::vector<std::string> const& lines,
                                                  std::size_t max_bytes);

}  // namespace reprise
