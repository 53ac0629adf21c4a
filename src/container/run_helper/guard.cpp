#include "guard.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "reprise/protocol/hex.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/marked_processes.hpp"
#include "reprise/system/process_tree.hpp"
#include "reprise/system/remove_tree.hpp"

namespace reprise::run_helper {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds leave_limit{1700};   ///< for those who hold the directory
constexpr milliseconds cgroup_limit{100};   ///< for the kernel to see that they are empty
constexpr milliseconds remove_limit{2000};  ///< somebody may be writing into it still

void sleep_until_input_ends() {
    char buffer[64];
    for (ssize_t got = 1; got > 0 || (got < 0 && errno == EINTR);) {
        got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    }
}

/// Stands in the queue for the lock, so that somebody who sweeps up after killed owners and only
/// tries now and then does not get it first. An alarm ends the wait, again and again in case it
/// comes before the wait begins.
void wait_for_lock(int directory) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    sigset_t alarm;
    ::sigemptyset(&alarm);
    ::sigaddset(&alarm, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
    auto const end = steady_clock::now() + leave_limit;
    itimerval timer{};
    timer.it_value.tv_sec = leave_limit.count() / 1000;
    timer.it_value.tv_usec = leave_limit.count() % 1000 * 1000;
    timer.it_interval.tv_usec = 10000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    while (::flock(directory, LOCK_EX) != 0 && steady_clock::now() < end) {
    }
    ::sigprocmask(SIG_BLOCK, &alarm, nullptr);
}

// ---- the last will: last_will.hpp ---------------------------------------------------------------

std::string read_note(int directory, char const* name) {
    std::string text;
    int const fd = ::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t got = 0; fd >= 0 && (got = ::read(fd, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(got));
    }
    if (fd >= 0) ::close(fd);
    return text;
}

std::string read_last_will(int directory) {
    auto text = read_note(directory, last_will_name);
    bool const ours = ::unlinkat(directory, last_will_name, 0) == 0;
    return ours ? text : std::string();
}

/// Empty ones whose owners are gone; a killed process leaves its own a little after its end.
void remove_run_cgroups(std::string const& note) {
    auto const base = note.substr(0, note.find('\n'));
    DIR* const stream = base.empty() ? nullptr : ::opendir(base.c_str());
    if (stream == nullptr) return;
    auto const end = steady_clock::now() + cgroup_limit;
    while (dirent const* const entry = ::readdir(stream)) {
        if (!std::string_view(entry->d_name).starts_with(run_cgroup_prefix)) continue;
        int const run =
            ::openat(::dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (run < 0) continue;
        bool const abandoned = ::flock(run, LOCK_EX | LOCK_NB) == 0;
        while (abandoned && ::unlinkat(::dirfd(stream), entry->d_name, AT_REMOVEDIR) != 0 &&
               errno == EBUSY && steady_clock::now() < end) {
            ::poll(nullptr, 0, 5);
        }
        ::close(run);
    }
    ::closedir(stream);
}

/// Whether the datagram left this machine, as far as one can know.
bool send_to(std::string const& address, std::string const& bytes) {
    sockaddr_storage storage{};
    if (address.empty() || address.size() > sizeof storage) return false;
    std::memcpy(&storage, address.data(), address.size());
    int const fd = ::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    auto const* const target = reinterpret_cast<sockaddr const*>(&storage);
    auto const sent = ::sendto(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, target,
                               static_cast<socklen_t>(address.size()));
    ::close(fd);
    return sent == static_cast<ssize_t>(bytes.size());
}

void carry_out(std::string_view will) {
    for (std::size_t begin = 0; begin < will.size();) {
        auto const end = std::min(will.find('\n', begin), will.size());
        auto const line = will.substr(begin, end - begin);
        auto const space = line.find(' ');
        if (space == std::string_view::npos) return;
        if (send_to(from_hex(line.substr(0, space)), from_hex(line.substr(space + 1)))) return;
        begin = end + 1;
    }
}

}  // namespace

int guard(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "reprise-run-helper: %s takes a path\n", argv[1]);
        return 2;
    }
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    char const* const path = argv[2];
    bool const is_first = std::strcmp(argv[1], "--guard") == 0;
    int error = is_first && ::mkdir(path, 0700) != 0 ? errno : 0;
    int const directory =
        error != 0 ? -1 : ::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (error == 0 && (directory < 0 || ::flock(directory, LOCK_SH | LOCK_NB) != 0)) error = errno;
    [[maybe_unused]] auto const told = ::write(STDOUT_FILENO, &error, sizeof error);
    if (error != 0) return 1;
    ::dup2(STDERR_FILENO, STDOUT_FILENO);

    sleep_until_input_ends();
    wait_for_lock(directory);
    std::string_view const whole(path);
    auto const mark =
        std::string(job_mark_name) + "=" + std::string(whole.substr(whole.find_last_of('/') + 1));
    kill_marked(mark, kill_limit);
    remove_run_cgroups(read_note(directory, cgroups_note_name));
    auto const will = read_last_will(directory);
    auto const end = steady_clock::now() + remove_limit;
    while (!remove_tree(AT_FDCWD, path) && steady_clock::now() < end) ::poll(nullptr, 0, 10);
    carry_out(will);
    return 0;
}

}  // namespace reprise::run_helper
