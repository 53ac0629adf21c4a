#include "supervisor.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "child.hpp"
#include "report_format.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise::run_helper {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds success_window{50};   ///< for a learner that ends together with its backend
constexpr milliseconds backend_leave{1000};  ///< for a backend to leave by itself
constexpr milliseconds backend_terminate{1000};  ///< for a backend to leave after SIGTERM
/// For all of that together when the learner was killed: nothing of it may be left after 2 s.
constexpr milliseconds killed_farewell{1200};

bool has_succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

}  // namespace

Supervisor::Supervisor(Options options, int signal_fd)
    : options_(std::move(options)), signal_fd_(signal_fd), reporter_(options_.report_fd) {}

void Supervisor::run() {
    if (!start(backend_) || !start(learner_)) start_killing("not_started");
    while (!is_over()) sleep();
    int const left = kill_all_descendants(kill_limit);
    rusage total{};
    ::getrusage(RUSAGE_CHILDREN, &total);
    reporter_.end(reason_, total, left);
}

/// True when it runs or there is nothing to run.
bool Supervisor::start(Role& role) {
    if (role.command.empty()) return true;
    auto const started = start_child(role.command, options_.stop_signal);
    if (started.error != 0) {
        reporter_.failed(role.name, started.error, role.command.front());
        return false;
    }
    role.pid = started.pid;
    role.running = true;
    reporter_.started(role.name, role.pid);
    return true;
}

bool Supervisor::is_over() const {
    if (phase_ != Phase::killing) return false;
    bool const all_reaped = !backend_.running && !learner_.running && !stop_.running;
    return all_reaped || Clock::now() >= *phase_end_;
}

void Supervisor::sleep() {
    int timeout = -1;
    if (phase_end_) {
        auto const left = std::chrono::ceil<milliseconds>(*phase_end_ - Clock::now());
        timeout = static_cast<int>(std::max<long long>(0, left.count()));
    }
    // In a container's own PID namespace the end of this connection is all that tells of the
    // rank's death.
    bool const listen = phase_ != Phase::killing;
    pollfd entries[2] = {{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                         {.fd = listen ? options_.report_fd : -1, .events = POLLIN, .revents = 0}};
    int const ready = ::poll(entries, 2, timeout);
    if (ready < 0 && errno != EINTR) return start_killing("killed");
    if (entries[1].revents != 0) read_orders();
    if (entries[0].revents != 0) read_signals();
    if (phase_end_ && Clock::now() >= *phase_end_) time_is_over();
}

void Supervisor::read_orders() {
    char order = 0;
    ssize_t const count = ::recv(options_.report_fd, &order, 1, MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    // Nobody listens any more, or the order is to kill.
    if (count != 1 || order != stop_order) return start_killing("killed");
    asked_to_stop(orders_to_stop_);
}

void Supervisor::read_signals() {
    bool child = false;
    bool hang_up = false;
    int terminate = 0;
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        child = child || info.ssi_signo == SIGCHLD;
        hang_up = hang_up || info.ssi_signo == SIGHUP;
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) ++terminate;
    }
    // A learner that has ended by itself was not stopped, whatever else has come.
    if (child) reap();
    if (terminate > 0) asked_to_stop(signals_to_stop_);
    if (hang_up || terminate > 1) start_killing("killed");
}

void Supervisor::reap() {
    bool learner_ended = false;
    bool backend_ended = false;
    bool stop_ended = false;
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG | __WALL, &usage)) > 0;) {
        for (auto* const role : {&backend_, &learner_, &stop_}) {
            if (!role->running || role->pid != pid) continue;
            role->running = false;
            role->status = status;
            reporter_.ended(role->name, status, usage);
            learner_ended = learner_ended || role == &learner_;
            backend_ended = backend_ended || role == &backend_;
            stop_ended = stop_ended || role == &stop_;
        }
    }
    // When both ended at once, a learner that failed did so because its backend had gone.
    bool const blame_backend =
        backend_ended && phase_ == Phase::training && !has_succeeded(learner_.status);
    if (learner_ended && !blame_backend) learner_has_ended();
    if (backend_ended) backend_has_ended();
    if (stop_ended && phase_ == Phase::stop_command) {
        if (backend_.running) {
            enter(Phase::backend_leaves, backend_leave);
        } else {
            start_killing(reason_);
        }
    }
}

void Supervisor::learner_has_ended() {
    if (phase_ == Phase::backend_gone && !has_succeeded(learner_.status)) {
        return start_killing("backend_died");
    }
    if (phase_ != Phase::training && phase_ != Phase::learner_stops &&
        phase_ != Phase::backend_gone) {
        return;
    }
    if (reason_ == nullptr) reason_ = "learner_ended";
    bool const was_killed = WIFSIGNALED(learner_.status) && WTERMSIG(learner_.status) == SIGKILL;
    if (was_killed && !grace_end_) grace_end_ = Clock::now() + killed_farewell;
    if (!stop_.command.empty() && start(stop_)) {
        enter(Phase::stop_command, options_.stop_grace);
    } else {
        take_leave_of_backend();
    }
}

void Supervisor::backend_has_ended() {
    switch (phase_) {
        case Phase::training:
            if (!learner_.running) return start_killing("backend_died");
            return enter(Phase::backend_gone, success_window);
        case Phase::backend_leaves:
        case Phase::backend_terminates:
            return start_killing(reason_);
        case Phase::backend_gone:
        case Phase::learner_stops:
        case Phase::stop_command:
        case Phase::killing:
            return;
    }
}

void Supervisor::take_leave_of_backend() {
    if (!backend_.running) return start_killing(reason_);
    ::kill(-backend_.pid, SIGTERM);
    enter(Phase::backend_terminates, backend_terminate);
}

/// A batch system's TERM reaches the rank and us alike: its order and ours are one and the same.
void Supervisor::asked_to_stop(int& times) {
    bool const first = orders_to_stop_ + signals_to_stop_ == 0;
    if (++times > 1 || (first && grace_end_)) return start_killing("killed");
    if (!first) return;
    grace_end_ = Clock::now() + options_.stop_grace;
    // A backend that has just gone may have got the same signal, only sooner.
    if (phase_ == Phase::training || (phase_ == Phase::backend_gone && learner_.running)) {
        reason_ = "stopped";
        if (learner_.running) ::kill(learner_.pid, options_.stop_signal);
        enter(Phase::learner_stops, std::nullopt);
    } else if (phase_end_ && phase_ != Phase::killing) {
        phase_end_ = std::min(*phase_end_, *grace_end_);
    }
}

void Supervisor::time_is_over() {
    bool const grace_is_over = grace_end_ && Clock::now() >= *grace_end_;
    switch (phase_) {
        case Phase::backend_gone:
            return start_killing("backend_died");
        case Phase::stop_command:
        case Phase::backend_leaves:
            return grace_is_over ? start_killing(reason_) : take_leave_of_backend();
        case Phase::learner_stops:
        case Phase::backend_terminates:
            return start_killing(reason_);
        case Phase::training:
        case Phase::killing:
            return;
    }
}

void Supervisor::start_killing(char const* reason) {
    if (reason_ == nullptr) reason_ = reason;
    if (phase_ == Phase::killing) return;
    for (auto const* const role : {&learner_, &backend_, &stop_}) {
        // A leader that was reaped may have left its number to a stranger; what is left of its
        // group is found later, as our descendants.
        if (role->running) ::kill(-role->pid, SIGKILL);
    }
    phase_ = Phase::killing;
    phase_end_ = Clock::now() + kill_limit;
}

void Supervisor::enter(Phase phase, std::optional<milliseconds> limit) {
    phase_ = phase;
    phase_end_ = grace_end_;
    if (limit) {
        auto const end = Clock::now() + *limit;
        phase_end_ = grace_end_ ? std::min(end, *grace_end_) : end;
    }
}

}  // namespace reprise::run_helper
