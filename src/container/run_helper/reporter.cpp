#include "reporter.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "report_format.hpp"

namespace reprise::run_helper {
namespace {

long long cpu_us(rusage const& usage) {
    constexpr long long million = 1000000;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * million + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

}  // namespace

Reporter::Reporter(int fd) : fd_(fd) { line("%s", report_header); }

void Reporter::started(char const* role, pid_t pid) const { line("started %s %d", role, pid); }

void Reporter::failed(char const* role, int error, char const* program) const {
    line("failed %s %d %s", role, error, program);
}

void Reporter::ended(char const* role, int status, rusage const& usage) const {
    if (WIFSIGNALED(status)) {
        line("killed %s %d %d %lld %ld", role, WTERMSIG(status), WCOREDUMP(status) ? 1 : 0,
             cpu_us(usage), usage.ru_maxrss);
    } else {
        line("exited %s %d %lld %ld", role, WEXITSTATUS(status), cpu_us(usage), usage.ru_maxrss);
    }
}

void Reporter::end(char const* reason, rusage const& total, int left) const {
    line("end %s %lld %ld %d", reason, cpu_us(total), total.ru_maxrss, left);
}

void Reporter::line(char const* format, ...) const {
    char text[max_report_line];
    std::va_list arguments;
    va_start(arguments, format);
    int const written = std::vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    auto const length =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(written, 0)), sizeof text - 2);
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
