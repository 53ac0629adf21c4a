/// @file One line per event, readable by people: time, level, who (rank, run), what.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace reprise {

enum class LogLevel { debug, info, warning, error };

/// "debug", "info", "warning" or "error"; throws InputError for another name.
[[nodiscard]] LogLevel log_level_of(std::string const& name);

/// Where finished lines go (without newline).
using LogOutput = std::function<void(LogLevel level, std::string_view line)>;

/// info and debug to stdout, warnings and errors to stderr: where users of the seed look for them.
void print_log_line(LogLevel level, std::string_view line);

/// Sets where the lines of this process go, and what is left out. @param who speaks, by default
void set_up_log(std::string const& who, LogLevel least, LogOutput output = print_log_line);

/// Writes a line. Line ends inside the text become " | ": one event, one line.
/// @param about whom it is, e.g. "rank 2"; empty: who speaks by default
void log(LogLevel level, std::string_view text, std::string_view about = {});
inline void log_info(std::string_view text) { log(LogLevel::info, text); }
inline void log_warning(std::string_view text) { log(LogLevel::warning, text); }
inline void log_error(std::string_view text) { log(LogLevel::error, text); }

}  // namespace reprise
