/// @file One child process: started with nothing inherited by accident, waited for and signalled
/// through a pidfd, so that no signal ever reaches a stranger that got the same number.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reprise/system/fd.hpp"

namespace reprise {

/// How a process ended, and what it used.
struct ExitStatus {
    int exit_code = -1;  ///< 0 to 255; -1: a signal ended it, or unknown when signal is 0 too
    int signal = 0;      ///< that ended it; 0: none
    bool core_dumped = false;
    double cpu_s = 0.0;           ///< user + system time, with the children that it waited for
    double peak_memory_mb = 0.0;  ///< largest resident set among the same processes, in MiB. Counts
                                  ///< the memory of the process that forked it: see getrusage(2)

    [[nodiscard]] bool succeeded() const noexcept { return exit_code == 0; }
    friend bool operator==(ExitStatus const&, ExitStatus const&) = default;
};

/// "exit code 3" or "signal 9 (Killed)".
[[nodiscard]] std::string describe(ExitStatus const& status);

/// The group that signals from a terminal or from mpirun go to.
enum class ProcessGroup { inherited, own_group, own_session };

/// What to start, and with what.
struct ProcessSpec {
    /// argv[0] without a slash is looked up on the PATH of `environment`; with a slash it is
    /// relative to `working_dir`.
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< all of it, "NAME=value"
    std::string working_dir;               ///< empty: this process's
    int stdin_fd = -1;                     ///< stays with the caller; -1: /dev/null
    int stdout_fd = -1;                    ///< stays with the caller; -1: inherited
    int stderr_fd = -1;                    ///< stays with the caller; -1: inherited
    /// Further descriptors: ours, and the number (3 or more) under which the child sees it.
    std::vector<std::pair<int, int>> extra_fds;
    ProcessGroup group = ProcessGroup::inherited;
    /// Sent to the child when the thread that started it ends; 0: none. Start such children from
    /// the main thread.
    int parent_death_signal = 0;
    /// Signals that the child begins with ignoring, instead of their default.
    std::vector<int> ignored_signals;
    /// Signals that the child begins with blocked, for a program that would act on them even when
    /// they are ignored.
    std::vector<int> blocked_signals;
    std::string cpu_list;  ///< CPUs it may use, such as "0-3,8"; empty: inherited
    /// A file cgroup.procs of the cgroup in which it runs, with all it starts; empty: inherited.
    std::string cgroup_procs;
};

/// A running or ended child. The destructor kills (SIGKILL) and reaps a child that was not waited
/// for. What that child started is not touched: see process_tree.hpp.
class ChildProcess {
  public:
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(ChildProcess const&) = delete;
    ChildProcess& operator=(ChildProcess const&) = delete;
    ~ChildProcess();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Readable (poll) once the child has ended. Stays owned here.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
    /// Does nothing when the child has ended. Throws Error for a signal that may not be sent.
    void send_signal(int signal);
    /// How it ended, or nothing while it runs. The same answer again afterwards. Never blocks.
    std::optional<ExitStatus> try_wait();
    /// Blocks until it has ended.
    ExitStatus wait();

  private:
    friend ChildProcess spawn(ProcessSpec const& spec);
    ChildProcess(pid_t pid, Fd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
    void kill_and_reap() noexcept;

    pid_t pid_ = -1;
    Fd pidfd_;
    std::optional<ExitStatus> status_;
};
static_assert(std::is_nothrow_move_constructible_v<ChildProcess> &&
              std::is_nothrow_move_assignable_v<ChildProcess>);

/// Starts a child with default signal dispositions, an empty signal mask and no descriptors, but
/// for those that the spec names (before Linux 5.11 also those that lack close-on-exec). Returns
/// when the program runs; a program, directory or descriptor that cannot be used is an Error that
/// names it. A child whose parent dies during the start dies too when it has a parent_death_signal.
[[nodiscard]] ChildProcess spawn(ProcessSpec const& spec);

}  // namespace reprise
