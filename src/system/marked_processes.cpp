// The static helper is built with this file too: nothing but libc and containers may be used here.
#include "reprise/system/marked_processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The environment that a process was started with, as environ in proc(5) has it; empty when it is
/// a zombie or another user's. Longer ones are cut.
std::string environment_of(pid_t pid) {
    constexpr std::size_t longest = 4U << 20U;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/environ", pid);
    std::string text;
    int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return text;
    char buffer[4096];
    while (text.size() < longest) {
        auto const count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(fd);
    return text;
}

bool carries(pid_t pid, std::string_view variable) {
    auto const environment = environment_of(pid);
    for (std::size_t begin = 0; begin < environment.size();) {
        auto const end = std::min(environment.find('\0', begin), environment.size());
        if (std::string_view(environment).substr(begin, end - begin) == variable) return true;
        begin = end + 1;
    }
    return false;
}

/// Kills the process if it carries the variable; returns whether it does.
bool kill_if_marked(pid_t pid, std::string_view variable) {
    // Opened first, so that it names the process that is looked at.
    int const pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    bool const marked = carries(pid, variable);
    if (marked && pidfd >= 0) {
        ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
    } else if (marked) {
        ::kill(pid, SIGKILL);  // before Linux 5.3
    }
    if (pidfd >= 0) ::close(pidfd);
    return marked;
}

int kill_once(std::string_view variable) {
    int found = 0;
    DIR* const directory = ::opendir("/proc");
    if (directory == nullptr) return 0;
    while (dirent const* const entry = ::readdir(directory)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        auto const pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
        if (pid > 1 && pid != ::getpid() && kill_if_marked(pid, variable)) ++found;
    }
    ::closedir(directory);
    return found;
}

}  // namespace

int kill_marked(std::string_view variable, milliseconds limit) {
    auto const deadline = steady_clock::now() + limit;
    while (true) {
        int const found = kill_once(variable);
        if (found == 0 || steady_clock::now() >= deadline) return found;
        ::poll(nullptr, 0, 2);  // the killed need a moment to end
    }
}

}  // namespace reprise
