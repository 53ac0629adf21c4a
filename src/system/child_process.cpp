#include "reprise/system/child_process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

double seconds(timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

ExitStatus to_exit_status(int status, rusage const& usage) {
    ExitStatus result;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
        result.core_dumped = WCOREDUMP(status);
    }
    result.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    result.peak_memory_mb = static_cast<double>(usage.ru_maxrss) / 1024.0;  // ru_maxrss is in KiB
    return result;
}

/// What the child was doing when it failed before its program ran.
enum class Stage : int { directory, descriptors, cgroup, cpus, exec };

struct StartFailure {
    Stage stage = Stage::exec;
    int error = 0;
};

/// All that the child needs, made before it exists. Until exec it lives in our memory (vfork):
/// only async-signal-safe functions may be called there, and nothing of ours may be changed but
/// `moved`.
struct Prepared {
    std::string program;
    std::vector<char*> argv;
    std::vector<char*> environment;
    char const* working_dir = nullptr;
    std::vector<std::pair<int, int>> fds;  ///< ours, the child's
    std::vector<int> moved;                ///< room for as many numbers
    int first_free_fd = 0;                 ///< above every number that the child shall see
    char const* cgroup_procs = nullptr;
    cpu_set_t* cpus = nullptr;
    std::size_t cpus_size = 0;
    ProcessGroup group = ProcessGroup::inherited;
    int parent_death_signal = 0;
    std::vector<int> const* ignored_signals = nullptr;
    sigset_t blocked_signals{};
    pid_t parent = 0;
};

struct FreeCpuSet {
    cpu_set_t* set = nullptr;
    explicit FreeCpuSet(cpu_set_t* owned) noexcept : set(owned) {}
    FreeCpuSet(FreeCpuSet const&) = delete;
    FreeCpuSet& operator=(FreeCpuSet const&) = delete;
    ~FreeCpuSet() {
        if (set != nullptr) CPU_FREE(set);
    }
};

std::vector<char*> pointers_to(std::vector<std::string> const& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    // execve takes char* for old times' sake and changes nothing.
    for (auto const& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

std::string search_path_of(std::vector<std::string> const& environment) {
    constexpr std::string_view name = "PATH=";
    for (auto const& variable : environment) {
        if (variable.starts_with(name)) return variable.substr(name.size());
    }
    return default_search_path;
}

std::string program_to_run(ProcessSpec const& spec) {
    auto const& name = spec.argv.front();
    if (name.find('/') != std::string::npos) return name;
    auto const path = search_path_of(spec.environment);
    if (auto found = find_program(name, path)) return *found;
    throw Error(Error::Kind::not_found, "start", name, "no such program on PATH " + path,
                "Install it, or give its path.");
}

[[noreturn]] void give_up(int report, Stage stage) noexcept {
    StartFailure const failure{stage, errno};
    // A pipe takes these few bytes at once; if it does not, the parent sees an odd end.
    [[maybe_unused]] auto const written = ::write(report, &failure, sizeof failure);
    ::_exit(127);
}

/// First out of the way, then into place: a target number may be another one's source.
bool place_descriptors(Prepared& prepared) noexcept {
    for (std::size_t i = 0; i < prepared.fds.size(); ++i) {
        prepared.moved[i] = ::fcntl(prepared.fds[i].first, F_DUPFD_CLOEXEC, prepared.first_free_fd);
        if (prepared.moved[i] < 0) return false;
    }
    for (std::size_t i = 0; i < prepared.fds.size(); ++i) {
        if (::dup2(prepared.moved[i], prepared.fds[i].second) < 0) return false;
    }
    return true;
}

/// "0" is whoever writes it, in any PID namespace.
bool enter_cgroup(char const* procs) noexcept {
    int const fd = ::open(procs, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && ::write(fd, "0", 1) == 1;
}

void reset_signals(sigset_t const& blocked) noexcept {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
}

[[noreturn]] void run_child(Prepared& prepared, int report) noexcept {
    if (prepared.parent_death_signal != 0) {
        ::prctl(PR_SET_PDEATHSIG, prepared.parent_death_signal, 0, 0, 0);
        // It died before the line above: nobody will tell us.
        if (::getppid() != prepared.parent) ::_exit(127);
    }
    if (prepared.group == ProcessGroup::own_group) ::setpgid(0, 0);
    if (prepared.group == ProcessGroup::own_session) ::setsid();
    int const safe_report = ::fcntl(report, F_DUPFD_CLOEXEC, prepared.first_free_fd);
    if (safe_report < 0) give_up(report, Stage::descriptors);
    // Others may have left descriptors without close-on-exec. Linux 5.11 can do this, older ones
    // do without.
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    if (!place_descriptors(prepared)) give_up(safe_report, Stage::descriptors);
    if (prepared.cgroup_procs != nullptr && !enter_cgroup(prepared.cgroup_procs)) {
        give_up(safe_report, Stage::cgroup);
    }
    if (prepared.cpus != nullptr &&
        ::sched_setaffinity(0, prepared.cpus_size, prepared.cpus) != 0) {
        give_up(safe_report, Stage::cpus);
    }
    if (prepared.working_dir != nullptr && ::chdir(prepared.working_dir) != 0) {
        give_up(safe_report, Stage::directory);
    }
    reset_signals(prepared.blocked_signals);
    for (int const signal : *prepared.ignored_signals) ::signal(signal, SIG_IGN);
    ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
    give_up(safe_report, Stage::exec);
}

Error start_error(ProcessSpec const& spec, std::string const& program, StartFailure failure) {
    switch (failure.stage) {
        case Stage::directory:
            return posix_error(failure.error, "start " + program + " in", spec.working_dir);
        case Stage::descriptors:
            return posix_error(failure.error, "hand descriptors to", program);
        case Stage::cgroup:
            return posix_error(failure.error, "start " + program + " in the cgroup of",
                               spec.cgroup_procs);
        case Stage::cpus:
            return posix_error(failure.error, "start " + program + " on CPUs", spec.cpu_list,
                               "Give CPUs that this job may use.");
        case Stage::exec:
            break;
    }
    if (failure.error == ENOEXEC) {
        return posix_error(failure.error, "start", program,
                           "A script needs a first line such as #!/bin/sh.");
    }
    if (failure.error == ENOENT && is_regular_file(program)) {
        return posix_error(failure.error, "start", program,
                           "The interpreter that its first line names is missing.");
    }
    return posix_error(failure.error, "start", program);
}

/// What the child wrote before it gave up; nothing once its program runs.
std::optional<StartFailure> read_failure(int report) {
    StartFailure failure;
    while (true) {
        auto const count = ::read(report, &failure, sizeof failure);
        if (count < 0 && errno == EINTR) continue;
        if (count == static_cast<ssize_t>(sizeof failure)) return failure;
        return std::nullopt;
    }
}

/// No signal handler of this process shall run in the child, which has the same ones until exec.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &former_);
    }
    AllSignalsBlocked(AllSignalsBlocked const&) = delete;
    AllSignalsBlocked& operator=(AllSignalsBlocked const&) = delete;
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &former_, nullptr); }

  private:
    sigset_t former_{};
};

cpu_set_t* new_cpu_set(std::string const& list, std::size_t& size) {
    auto const cpus = parse_cpu_list(list);
    REPRISE_EXPECT(cpus.has_value() && !cpus->empty());
    auto const count = static_cast<std::size_t>(cpus->back()) + 1;
    cpu_set_t* const set = CPU_ALLOC(count);
    REPRISE_ASSERT(set != nullptr);
    size = CPU_ALLOC_SIZE(count);
    CPU_ZERO_S(size, set);
    for (int const cpu : *cpus) CPU_SET_S(static_cast<std::size_t>(cpu), size, set);
    return set;
}

}  // namespace

std::string describe(ExitStatus const& status) {
    if (status.signal != 0) {
        char const* const name = ::strsignal(status.signal);
        return "signal " + std::to_string(status.signal) + " (" + (name ? name : "?") +
               (status.core_dumped ? ", core dumped)" : ")");
    }
    if (status.exit_code < 0) return "unknown end";
    return "exit code " + std::to_string(status.exit_code);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        kill_and_reap();
        pid_ = std::exchange(other.pid_, -1);
        pidfd_ = std::move(other.pidfd_);
        status_ = other.status_;
    }
    return *this;
}

ChildProcess::~ChildProcess() { kill_and_reap(); }

void ChildProcess::kill_and_reap() noexcept {
    if (pid_ <= 0 || status_) return;
    ::kill(pid_, SIGKILL);  // it was not reaped, so the number is still its own
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

void ChildProcess::send_signal(int signal) {
    REPRISE_EXPECT(pid_ > 0);
    if (try_wait()) return;
    // A kernel before Linux 5.3 has no pidfds; an unreaped child keeps its number all the same.
    auto const result = pidfd_ ? ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0)
                               : static_cast<long>(::kill(pid_, signal));
    if (result != 0 && errno != ESRCH) {
        throw posix_error(errno, "send signal " + std::to_string(signal) + " to process",
                          std::to_string(pid_));
    }
}

std::optional<ExitStatus> ChildProcess::try_wait() {
    REPRISE_EXPECT(pid_ > 0);
    if (status_) return status_;
    int status = 0;
    rusage usage{};
    pid_t result = 0;
    do {
        result = ::wait4(pid_, &status, WNOHANG, &usage);
    } while (result < 0 && errno == EINTR);
    if (result == pid_) status_ = to_exit_status(status, usage);
    if (result < 0) status_ = ExitStatus{};  // somebody else has reaped it: how it ended is unknown
    return status_;
}

ExitStatus ChildProcess::wait() {
    REPRISE_EXPECT(pid_ > 0);
    if (status_) return *status_;
    int status = 0;
    rusage usage{};
    pid_t result = 0;
    do {
        result = ::wait4(pid_, &status, 0, &usage);
    } while (result < 0 && errno == EINTR);
    status_ = result == pid_ ? to_exit_status(status, usage) : ExitStatus{};
    return *status_;
}

ChildProcess spawn(ProcessSpec const& spec) {
    REPRISE_EXPECT(!spec.argv.empty());
    Prepared prepared;
    prepared.program = program_to_run(spec);
    prepared.argv = pointers_to(spec.argv);
    prepared.environment = pointers_to(spec.environment);
    prepared.working_dir = spec.working_dir.empty() ? nullptr : spec.working_dir.c_str();
    prepared.cgroup_procs = spec.cgroup_procs.empty() ? nullptr : spec.cgroup_procs.c_str();
    prepared.group = spec.group;
    prepared.parent_death_signal = spec.parent_death_signal;
    prepared.ignored_signals = &spec.ignored_signals;
    ::sigemptyset(&prepared.blocked_signals);
    for (int const signal : spec.blocked_signals) ::sigaddset(&prepared.blocked_signals, signal);
    prepared.parent = ::getpid();
    FreeCpuSet const cpus(spec.cpu_list.empty() ? nullptr
                                                : new_cpu_set(spec.cpu_list, prepared.cpus_size));
    prepared.cpus = cpus.set;

    Fd null_device;
    if (spec.stdin_fd < 0) {
        null_device = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!null_device) throw posix_error(errno, "open", "/dev/null");
    }
    prepared.fds.emplace_back(spec.stdin_fd < 0 ? null_device.get() : spec.stdin_fd, 0);
    if (spec.stdout_fd >= 0) prepared.fds.emplace_back(spec.stdout_fd, 1);
    if (spec.stderr_fd >= 0) prepared.fds.emplace_back(spec.stderr_fd, 2);
    for (auto const& [ours, childs] : spec.extra_fds) {
        REPRISE_EXPECT(ours >= 0 && childs > 2);
        prepared.fds.emplace_back(ours, childs);
    }
    prepared.moved.resize(prepared.fds.size());
    for (auto const& fd : prepared.fds) {
        prepared.first_free_fd = std::max(prepared.first_free_fd, fd.second + 1);
    }

    auto report = make_pipe();
    pid_t pid = -1;
    {
        AllSignalsBlocked const blocked;
        // A fork copies the page tables: 15 ms for a rank with 100 MiB, where this takes 1 ms
        // whatever the size. This thread sleeps until the child has its own program or has ended.
        pid = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
        if (pid == 0) run_child(prepared, report.write_end.get());  // NOLINT(*-unix.Vfork)
    }
    if (pid < 0) throw posix_error(errno, "start", prepared.program);
    ChildProcess child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
    report.write_end.close();
    if (auto const failure = read_failure(report.read_end.get())) {
        child.wait();
        throw start_error(spec, prepared.program, *failure);
    }
    return child;
}

}  // namespace reprise
