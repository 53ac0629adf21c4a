#include "reporter.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "report_format.hpp"

namespace reprise::run_helper {
namespace {

long long cpu_us(rusage const& usage) {
    constexpr long long million = 1000000;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * million + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/// Room for a line, its newline and the zero that snprintf adds.
using Line = std::array<char, max_report_line + 1>;

}  // namespace

Reporter::Reporter(int fd) : fd_(fd) {
    Line line;
    write_line(line.data(), std::snprintf(line.data(), line.size(), "%s", report_header));
}

void Reporter::started(char const* role, pid_t pid) const {
    Line line;
    write_line(line.data(), std::snprintf(line.data(), line.size(), "started %s %d", role, pid));
}

void Reporter::failed(char const* role, int error, char const* program) const {
    Line line;
    write_line(line.data(),
               std::snprintf(line.data(), line.size(), "failed %s %d %s", role, error, program));
}

void Reporter::ended(char const* role, int status, rusage const& usage) const {
    Line line;
    int length = 0;
    if (WIFSIGNALED(status)) {
        length = std::snprintf(line.data(), line.size(), "killed %s %d %d %lld %ld", role,
                               WTERMSIG(status), WCOREDUMP(status) ? 1 : 0, cpu_us(usage),
                               usage.ru_maxrss);
    } else {
        length = std::snprintf(line.data(), line.size(), "exited %s %d %lld %ld", role,
                               WEXITSTATUS(status), cpu_us(usage), usage.ru_maxrss);
    }
    write_line(line.data(), length);
}

void Reporter::end(char const* reason, rusage const& total, int left) const {
    Line line;
    write_line(line.data(), std::snprintf(line.data(), line.size(), "end %s %lld %ld %d", reason,
                                          cpu_us(total), total.ru_maxrss, left));
}

void Reporter::write_line(char* text, int formatted) const {
    auto const length = std::min<std::size_t>(static_cast<std::size_t>(std::max(formatted, 0)),
                                              max_report_line - 1);
    std::replace(text, text + length, '\n', '?');  // a program's name may contain anything
    text[length] = '\n';
    for (std::size_t sent = 0; sent < length + 1;) {
        auto const count = ::write(fd_, text + sent, length + 1 - sent);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;
        sent += static_cast<std::size_t>(count);
    }
}

}  // namespace reprise::run_helper
