#include "reprise/commands/log.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "reprise/core/error.hpp"

namespace reprise {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

LogLevel own_level(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return LogLevel::error;
    if (level == spdlog::level::warn) return LogLevel::warning;
    return level == spdlog::level::info ? LogLevel::info : LogLevel::debug;
}

/// Hands finished lines to a LogOutput.
class OutputSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    explicit OutputSink(LogOutput output) : output_(std::move(output)) {}

  protected:
    void sink_it_(spdlog::details::log_msg const& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        output_(own_level(message.level), {line.data(), line.size()});
    }
    void flush_() override {}

  private:
    LogOutput output_;
};

}  // namespace

LogLevel log_level_of(std::string const& name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "info") return LogLevel::info;
    if (name == "warning") return LogLevel::warning;
    if (name == "error") return LogLevel::error;
    throw InputError("--log-level '" + name +
                     "' is not known. Give one of debug, info, warning, error.");
}

void print_log_line(LogLevel level, std::string_view line) {
    auto* const stream = level >= LogLevel::warning ? stderr : stdout;
    std::fwrite(line.data(), 1, line.size(), stream);
    std::fputc('\n', stream);
    std::fflush(stream);
}

void set_up_log(std::string const& who, LogLevel least, LogOutput output) {
    auto logger =
        std::make_shared<spdlog::logger>(who, std::make_shared<OutputSink>(std::move(output)));
    // No line end: the outputs add it.
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%d %H:%M:%S.%e %l %v", spdlog::pattern_time_type::local, ""));
    logger->set_level(spdlog_level(least));
    spdlog::set_default_logger(std::move(logger));
}

void log(LogLevel level, std::string_view text, std::string_view about) {
    auto const logger = spdlog::default_logger();
    std::string line(about.empty() ? std::string_view(logger->name()) : about);
    line += ": ";
    for (char const c : text) {
        if (c == '\n') {
            line += " | ";
        } else if (c != '\r') {
            line += c;
        }
    }
    logger->log(spdlog_level(level), "{}", line);
}

}  // namespace reprise
