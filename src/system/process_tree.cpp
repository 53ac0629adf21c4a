// The static helper is built with this file too: nothing but libc and containers may be used here.
#include "reprise/system/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The part of /proc/PID/stat that is needed here (proc(5)).
struct ProcessStat {
    pid_t pid = -1;
    pid_t parent = -1;
    char state = '?';
    int threads = 0;
    std::uint64_t start_time = 0;

    /// A zombie, but not one whose other threads still run: they keep files open, and locks.
    [[nodiscard]] bool is_dead() const noexcept {
        return (state == 'Z' || state == 'X') && threads < 2;
    }
};

/// Reads what fits into the buffer and ends it with a zero. Returns the length, -1 on failure.
ssize_t read_small_file(char const* path, char* buffer, std::size_t size) noexcept {
    int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    std::size_t used = 0;
    while (used + 1 < size) {
        auto const count = ::read(fd, buffer + used, size - 1 - used);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            ::close(fd);
            return -1;
        }
        if (count == 0) break;
        used += static_cast<std::size_t>(count);
    }
    ::close(fd);
    buffer[used] = '\0';
    return static_cast<ssize_t>(used);
}

std::optional<ProcessStat> read_stat(pid_t pid) noexcept {
    char path[64];
    char text[1024];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_small_file(path, text, sizeof text) <= 0) return std::nullopt;
    // The name in parentheses may contain anything, a ')' too: look for the last one.
    char const* position = std::strrchr(text, ')');
    if (position == nullptr || position[1] != ' ') return std::nullopt;
    position += 2;
    ProcessStat stat;
    stat.pid = pid;
    stat.state = *position++;
    for (int field = 4; field <= 22; ++field) {
        char* end = nullptr;
        auto const value = std::strtoll(position, &end, 10);
        if (end == position) return std::nullopt;
        position = end;
        if (field == 4) stat.parent = static_cast<pid_t>(value);
        if (field == 20) stat.threads = static_cast<int>(value);
        if (field == 22) stat.start_time = static_cast<std::uint64_t>(value);
    }
    return stat;
}

/// The numbers that are names in a directory of /proc.
std::vector<pid_t> numbers_in(char const* directory) {
    std::vector<pid_t> numbers;
    DIR* const stream = ::opendir(directory);
    if (stream == nullptr) return numbers;
    while (dirent const* const entry = ::readdir(stream)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        numbers.push_back(static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10)));
    }
    ::closedir(stream);
    return numbers;
}

std::vector<ProcessStat> all_processes() {
    std::vector<ProcessStat> processes;
    for (pid_t const pid : numbers_in("/proc")) {
        if (auto const stat = read_stat(pid)) processes.push_back(*stat);
    }
    return processes;
}

/// Appends the children of a process from /proc/PID/task/*/children. Returns false on a kernel
/// without CONFIG_PROC_CHILDREN. May miss one while its siblings exit (proc(5)).
bool append_children(pid_t parent, std::vector<pid_t>& found) {
    char path[96];
    std::snprintf(path, sizeof path, "/proc/%d/task", parent);
    bool readable = true;
    for (pid_t const thread : numbers_in(path)) {
        std::snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, thread);
        int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            // The thread has ended meanwhile, or the file is not in this kernel at all.
            if (thread == parent) readable = false;
            continue;
        }
        char buffer[4096];
        pid_t number = 0;
        for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;) {
            for (char const* c = buffer; c != buffer + count; ++c) {
                if (*c >= '0' && *c <= '9') {
                    number = number * 10 + (*c - '0');
                } else if (number > 0) {
                    found.push_back(number);
                    number = 0;
                }
            }
        }
        ::close(fd);
    }
    return readable;
}

bool contains(std::span<pid_t const> pids, pid_t pid) noexcept {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

/// All descendants, zombies too, parents first; by the ppid of every process there is.
std::vector<ProcessStat> scan(std::span<pid_t const> spare) {
    auto const processes = all_processes();
    std::vector<ProcessStat> found;
    for (auto const& process : processes) {
        if (process.parent == ::getpid() && !contains(spare, process.pid)) found.push_back(process);
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        pid_t const parent = found[i].pid;
        for (auto const& process : processes) {
            if (process.parent == parent) found.push_back(process);
        }
    }
    return found;
}

/// The same, quicker and perhaps not all of them: looks at no stranger's processes.
std::vector<ProcessStat> quick_scan(std::span<pid_t const> spare) {
    std::vector<pid_t> pids;
    if (!append_children(::getpid(), pids)) return scan(spare);
    std::vector<ProcessStat> found;
    for (pid_t const pid : pids) {
        if (contains(spare, pid)) continue;
        if (auto const stat = read_stat(pid)) found.push_back(*stat);
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        pids.clear();
        append_children(found[i].pid, pids);
        for (pid_t const pid : pids) {
            auto const stat = read_stat(pid);
            if (stat && stat->parent == found[i].pid) found.push_back(*stat);
        }
    }
    return found;
}

/// Reaps every child that has ended. Returns true when there is no other one.
bool reap_all() noexcept {
    pid_t pid = 0;
    do {
        pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
    } while (pid > 0 || (pid < 0 && errno == EINTR));
    return pid < 0 && errno == ECHILD;
}

int open_pidfd(pid_t pid) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // glibc 2.31 has no wrapper
}

/// Kills one process and opens a pidfd to wait for its end; -1 where that is not possible.
int kill_one(ProcessStat const& process, pid_t self) noexcept {
    int const pidfd = open_pidfd(process.pid);
    // A child of ours keeps its number until we reap it; any other may have gone and its number
    // may be a stranger's by now. The pidfd was opened first, so it names who is checked here.
    if (process.parent != self) {
        auto const now = read_stat(process.pid);
        if (!now || now->start_time != process.start_time) {
            if (pidfd >= 0) ::close(pidfd);
            return -1;
        }
    }
    if (pidfd >= 0) {
        ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
    } else {
        ::kill(process.pid, SIGKILL);
    }
    return pidfd;
}

void reap_children(std::vector<ProcessStat> const& processes, pid_t self) noexcept {
    for (auto const& process : processes) {
        if (process.parent == self) ::waitpid(process.pid, nullptr, WNOHANG | __WALL);
    }
}

milliseconds time_until(steady_clock::time_point when) noexcept {
    auto const left = std::chrono::duration_cast<milliseconds>(when - steady_clock::now());
    return std::max(left, milliseconds::zero());
}

/// Kills the processes and waits until they have ended, for at most a short while.
void kill_and_wait(std::vector<ProcessStat> const& processes, steady_clock::time_point deadline) {
    constexpr milliseconds longest{50};  // then look again: another one may have been forked
    pid_t const self = ::getpid();
    std::vector<int> pidfds;
    bool blind = false;
    for (auto const& process : processes) {
        if (process.is_dead()) continue;
        int const pidfd = kill_one(process, self);
        if (pidfd >= 0) pidfds.push_back(pidfd);
        blind = blind || pidfd < 0;
    }
    auto const until = std::min(deadline, steady_clock::now() + longest);
    for (int const pidfd : pidfds) {
        pollfd entry{.fd = pidfd, .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, static_cast<int>(time_until(until).count()));
        ::close(pidfd);
    }
    // Without pidfds (before Linux 5.3) there is nothing to wait for.
    if (blind && pidfds.empty()) ::poll(nullptr, 0, 1);
    reap_children(processes, self);
}

}  // namespace

bool become_subreaper() noexcept { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0; }

std::optional<ProcessId> identify(pid_t pid) {
    auto const stat = read_stat(pid);
    if (!stat) return std::nullopt;
    return ProcessId{pid, stat->start_time};
}

bool is_running(ProcessId const& process) {
    auto const stat = read_stat(process.pid);
    return stat && stat->start_time == process.start_time && !stat->is_dead();
}

std::vector<ProcessId> descendants(std::span<pid_t const> spare) {
    std::vector<ProcessId> result;
    for (auto const& process : scan(spare)) {
        if (!process.is_dead()) result.push_back({process.pid, process.start_time});
    }
    return result;
}

std::vector<pid_t> children() { return children_of(::getpid()); }

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> result;
    if (append_children(parent, result)) return result;
    result.clear();
    for (auto const& process : all_processes()) {
        if (process.parent == parent) result.push_back(process.pid);
    }
    return result;
}

int kill_all_descendants(milliseconds limit, std::span<pid_t const> spare) {
    auto const deadline = steady_clock::now() + limit;
    while (true) {
        // Without children there are no descendants. And the zombies that a forking chain leaves
        // by the thousand would only slow the next look.
        if (spare.empty() && reap_all()) return 0;
        auto processes = quick_scan(spare);
        if (processes.empty()) processes = scan(spare);
        kill_and_wait(processes, deadline);
        bool const all_dead = std::all_of(processes.begin(), processes.end(),
                                          [](auto const& process) { return process.is_dead(); });
        // The quick look may have missed one; this one misses none.
        if (all_dead && descendants(spare).empty()) return 0;
        if (steady_clock::now() >= deadline) return static_cast<int>(descendants(spare).size());
    }
}

}  // namespace reprise
