#include "reprise/container/run_report.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "run_helper/report_format.hpp"

namespace reprise {
namespace {

/// Takes fields separated by one space off a line.
class Fields {
  public:
    explicit Fields(std::string_view line) : line_(line) {}

    [[nodiscard]] std::string_view word() {
        begin_ = end_ == 0 ? 0 : end_ + 1;
        if (begin_ > line_.size()) return {};
        end_ = std::min(line_.find(' ', begin_), line_.size());
        return line_.substr(begin_, end_ - begin_);
    }
    /// A whole number from 0 to `limit`; anything else spoils the line.
    [[nodiscard]] long long number(long long limit) {
        auto const text = word();
        long long value = -1;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        bool const good = error == std::errc() && end == text.data() + text.size() && value >= 0 &&
                          value <= limit;
        if (!good) spoil("a number expected");
        return good ? value : 0;
    }
    /// All that is left.
    [[nodiscard]] std::string rest() {
        begin_ = std::min(end_ + 1, line_.size());
        end_ = line_.size();
        return std::string(line_.substr(begin_));
    }
    void spoil(char const* why) {
        if (!problem_) problem_ = ParseError{begin_, why};
    }
    [[nodiscard]] std::optional<ParseError> finish() {
        if (end_ != line_.size()) {
            begin_ = end_;
            spoil("more than expected");
        }
        return problem_;
    }

  private:
    std::string_view line_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::optional<ParseError> problem_;
};

constexpr long long max_pid = 1LL << 30;
constexpr long long max_errno = 4095;
constexpr long long max_signal = 64;
constexpr long long max_cpu_us = 1LL << 60;
constexpr long long max_peak_kib = 1LL << 50;

double cpu_s(Fields& fields) { return static_cast<double>(fields.number(max_cpu_us)) * 1e-6; }
double peak_mb(Fields& fields) { return static_cast<double>(fields.number(max_peak_kib)) / 1024.0; }

RunReport::Command* command_of(RunReport& report, std::string_view role) {
    if (role == "backend") return &report.backend;
    if (role == "learner") return &report.learner;
    if (role == "stop") return &report.stop;
    return nullptr;
}

void take_end(RunReport& report, Fields& fields) {
    constexpr std::array<std::pair<std::string_view, RunEnd>, 5> reasons{{
        {"learner_ended", RunEnd::learner_ended},
        {"backend_died", RunEnd::backend_died},
        {"not_started", RunEnd::not_started},
        {"stopped", RunEnd::stopped},
        {"killed", RunEnd::killed},
    }};
    auto const reason = fields.word();
    std::optional<RunEnd> end;
    for (auto const& [name, value] : reasons) {
        if (name == reason) end = value;
    }
    if (!end) return fields.spoil("an unknown reason");
    report.cpu_s = cpu_s(fields);
    report.peak_memory_mb = peak_mb(fields);
    report.left_running = static_cast<int>(fields.number(max_pid));
    report.end = end;
}

void take_ended(RunReport::Command& command, bool by_signal, Fields& fields) {
    ExitStatus status;
    if (by_signal) {
        status.signal = static_cast<int>(fields.number(max_signal));
        status.core_dumped = fields.number(1) == 1;
    } else {
        status.exit_code = static_cast<int>(fields.number(255));
    }
    status.cpu_s = cpu_s(fields);
    status.peak_memory_mb = peak_mb(fields);
    command.status = status;
}

void take_about_command(RunReport& report, std::string_view verb, Fields& fields) {
    auto* const command = command_of(report, fields.word());
    if (command == nullptr) return fields.spoil("backend, learner or stop expected");
    if (verb == "started") {
        command->pid = static_cast<pid_t>(fields.number(max_pid));
    } else if (verb == "failed") {
        command->start_errno = static_cast<int>(fields.number(max_errno));
        command->program = fields.rest();
    } else {
        take_ended(*command, verb == "killed", fields);
    }
}

}  // namespace

std::optional<ParseError> take_report_line(RunReport& report, std::string_view line) {
    if (!report.version_seen) {
        if (line != run_helper::report_header) return ParseError{0, "not a report of this version"};
        report.version_seen = true;
        return std::nullopt;
    }
    if (report.end) return ParseError{0, "a line after the end"};
    auto taken = report;
    Fields fields(line);
    auto const verb = fields.word();
    if (verb == "end") {
        take_end(taken, fields);
    } else if (verb == "started" || verb == "failed" || verb == "exited" || verb == "killed") {
        take_about_command(taken, verb, fields);
    } else {
        fields.spoil("an unknown word");
    }
    auto problem = fields.finish();
    if (!problem) report = std::move(taken);
    return problem;
}

}  // namespace reprise
