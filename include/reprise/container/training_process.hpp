/// @file One attempt's process tree as its rank sees it.
///
/// The rank starts the static helper (src/container/run_helper), in a container or without, which
/// starts backend and learner, watches them and leaves nothing of them behind; both talk through a
/// socket. If the helper or the container's starter is killed, the rank kills what is left. The
/// process that uses this must have called become_subreaper(), and runs one training at a time.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "reprise/container/run_report.hpp"
#include "reprise/container/runtime.hpp"
#include "reprise/system/child_process.hpp"
#include "reprise/system/fd.hpp"

namespace reprise {

struct TrainingSpec {
    std::string helper;                  ///< path of reprise-run-helper
    std::vector<std::string> backend;    ///< empty: none
    std::vector<std::string> learner;    ///< at least the program
    std::vector<std::string> stop;       ///< empty: the backend gets SIGTERM
    std::vector<std::string> inherited;  ///< the job's environment, "NAME=value"
    std::vector<std::string> variables;  ///< the training's own ones, in its container too
    ContainerSetup container;
    RunPlace place;           ///< its run_dir is where the commands start
    std::string stdout_path;  ///< of all three commands; made new
    std::string stderr_path;
    int stop_signal = SIGTERM;                   ///< that asks the learner to end
    std::chrono::milliseconds stop_grace{5000};  ///< from stop() until everything is killed
    std::string cpu_list;      ///< CPUs for all of it, such as "0-3,8"; empty: those of the rank
    std::string cgroup_procs;  ///< see ProcessSpec
};

/// How a training ended.
struct TrainingEnd {
    enum class How {
        learner_ended,  ///< by itself: see `learner`
        backend_died,   ///< before the learner, which was killed: see `backend`
        not_started,    ///< a command, or the container, could not be started: see `message`
        stopped,        ///< in order, after stop(), or by somebody's SIGTERM to the helper
        killed,         ///< after kill()
        helper_lost,    ///< the helper was killed or failed; what it had started was killed
    };
    How how = How::helper_lost;
    std::optional<ExitStatus> learner;  ///< if it was started and its end is known
    std::optional<ExitStatus> backend;  ///< if it was started and its end is known
    std::string program;  ///< not_started: the command; empty: the container, which said why
    std::string message;  ///< one line for people, e.g. "the backend died (signal 9 (Killed))"
    double cpu_s = 0.0;   ///< user + system time of the attempt's processes
    double peak_memory_mb = 0.0;  ///< largest resident set of one of them, in MiB
    int left_running = 0;         ///< processes that outlived SIGKILL (uninterruptible sleep)
};

/// A training that runs or has ended. The destructor kills what still runs.
class TrainingProcess {
  public:
    /// Opens the two output files and starts the helper. Throws Error when that fails; a backend or
    /// learner that cannot be started is a TrainingEnd instead.
    [[nodiscard]] static TrainingProcess start(TrainingSpec const& spec);

    TrainingProcess(TrainingProcess&& other) noexcept = default;
    TrainingProcess& operator=(TrainingProcess&& other) noexcept;
    TrainingProcess(TrainingProcess const&) = delete;
    TrainingProcess& operator=(TrainingProcess const&) = delete;
    ~TrainingProcess();

    /// Descriptors to poll for reading; -1 for one that is not in use (any more).
    [[nodiscard]] std::array<int, 2> poll_fds() const noexcept;
    /// To be called when one of them is readable; harmless at other times. Blocks only where the
    /// helper was lost, for the few ms that killing its remains takes.
    void on_readable();
    /// How it ended, or nothing while anything of it may still run.
    [[nodiscard]] std::optional<TrainingEnd> const& end() const noexcept { return end_; }

    /// Asks the learner to end; after the grace everything is killed. Nothing happens the
    /// second time.
    void stop();
    /// Kills everything now. A second call kills the helper too, which would otherwise do it.
    void kill();

    /// The learner's process number as the helper sees it; -1 while it is not started.
    [[nodiscard]] pid_t learner_pid() const noexcept { return report_.learner.pid; }

  private:
    TrainingProcess(ContainerSetup container, ChildProcess starter, Fd socket,
                    std::vector<pid_t> spared);
    void read_report();
    void order(char what);
    void finish(ExitStatus const& starter_status);
    void describe_end(TrainingEnd& end, ExitStatus const& starter_status) const;
    void abandon() noexcept;

    ContainerSetup container_;
    std::optional<ChildProcess> starter_;  ///< of the container; without one the helper itself
    Fd socket_;                            ///< to the helper
    std::vector<pid_t> spared_;  ///< children of this process that are not of this training
    std::string unread_;         ///< the beginning of a report line
    RunReport report_;
    bool stop_asked_ = false;
    bool kill_asked_ = false;
    std::optional<TrainingEnd> end_;
};

}  // namespace reprise
