/// @file The helper's main part: watches backend and learner, and leaves nothing behind.
///
///   training ── learner ended ──────────▶ stop_command ─▶ backend_leaves ─▶ backend_terminates ─▶
///   killing
///      │ ├───── backend ended ──▶ backend_gone ── learner ended with 0 ──▶ stop_command
///      │ │                             └───────── anything else, 50 ms ──▶ killing
///      │ └───── stop ───────────▶ learner_stops ─ learner ended ─────────▶ stop_command
///      │                               └───────── grace over ────────────▶ killing
///      └─────── kill, second stop, rank gone (in any phase) ─────────────▶ killing
///
/// stop and kill come through the connection to the rank (report_format.hpp) or as signals: SIGTERM
/// and SIGINT stop, SIGHUP kills.
/// stop_command is skipped where there is none, the phases of the backend where it is gone.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "options.hpp"
#include "reporter.hpp"

namespace reprise::run_helper {

class Supervisor {
  public:
    /// Expects the handled signals (see main.cpp) to be blocked. `signal_fd` stays with the caller.
    Supervisor(Options options, int signal_fd);

    /// Runs the training to its end. When it returns nothing of it runs any more.
    void run();

  private:
    using Clock = std::chrono::steady_clock;
    enum class Phase {
        training,
        backend_gone,        ///< a learner that ends with 0 now has succeeded
        learner_stops,       ///< it was asked to
        stop_command,        ///< it runs
        backend_leaves,      ///< by itself, after the stop command
        backend_terminates,  ///< it has got SIGTERM
        killing,
    };
    struct Role {
        char const* name;
        Command const& command;
        pid_t pid = -1;
        bool running = false;
        int status = 0;  ///< as wait4(2) gives it, once it has run and runs no more
    };

    [[nodiscard]] bool start(Role& role);
    void sleep();
    void read_orders();
    void read_signals();
    void reap();
    void learner_has_ended();
    void backend_has_ended();
    void take_leave_of_backend();
    void asked_to_stop(int& times);
    void time_is_over();
    void start_killing(char const* reason);
    void enter(Phase phase, std::optional<std::chrono::milliseconds> limit);
    [[nodiscard]] bool is_over() const;

    Options options_;
    int signal_fd_;
    Reporter reporter_;
    Role backend_{"backend", options_.backend};
    Role learner_{"learner", options_.learner};
    Role stop_{"stop", options_.stop};
    Phase phase_ = Phase::training;
    int orders_to_stop_ = 0;                      ///< of the rank
    int signals_to_stop_ = 0;                     ///< SIGTERM or SIGINT, of whoever sent them
    char const* reason_ = nullptr;                ///< why the attempt ends; the first one counts
    std::optional<Clock::time_point> phase_end_;  ///< when the next phase begins at the latest
    std::optional<Clock::time_point> grace_end_;  ///< when an ordered stop turns into killing
};

}  // namespace reprise::run_helper
