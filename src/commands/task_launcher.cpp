#include "reprise/commands/task_launcher.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "reprise/commands/install_layout.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/commands/rank_group.hpp"
#include "reprise/commands/scratch_directory.hpp"
#include "reprise/commands/task_link.hpp"
#include "reprise/commands/unique_name.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/memory_cgroup.hpp"
#include "reprise/system/poller.hpp"

namespace reprise {
namespace {

/// Task 0 has to end what is left, write a row and speak; its disk may be slow.
constexpr Duration leave_limit = std::chrono::seconds(60);

/// MPI was not up yet, so task 0 does not know that something is wrong here, and finds out when its
/// rank has waited for this one long enough. Whoever leaves before that has Slurm or mpirun end the
/// step, task 0 too, before it has said a word. A signal ends the wait.
void wait_for_task_zero(SignalFd const& signals) {
    log_info("waiting for task 0 to notice");
    pollfd signal{signals.fd(), POLLIN, 0};
    poll_events({&signal, 1}, start_limit + std::chrono::seconds(10));
}

class TaskLauncher {
  public:
    explicit TaskLauncher(JobOptions const& options)
        : options_(options),
          signals_({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}),
          scratch_(channel_name_),
          link_(options.outer->task, clock_) {
        // For the guardian: from here on whatever is started carries this task's mark.
        ::setenv(job_mark_name, channel_name_.c_str(), 1);
    }

    /// Its rank's life.
    RankGroupEnd run() {
        ChannelListener listener(channel_name_);
        LaunchRequest request;
        request.program = own_executable();
        request.channel = channel_name_;
        request.scratch = scratch_.path();
        request.job_arguments = options_.arguments;
        request.exit_for_restart = options_.exit_for_restart;
        request.log_level = options_.log_level;
        request.environment = own_environment();
        request.outer = options_.outer;
        RankGroupSetting setting;
        setting.spared = scratch_.guardians();
        setting.others = &link_;
        setting.patience = start_limit + std::chrono::seconds(5);  // task 0 has the word
        setting.keeper = &keeper_;
        auto end = run_rank_group(plan_launch(request), listener, signals_, clock_, setting);
        sweep_run_cgroups();
        sweep_scratch();
        return end;
    }

    int leave(RankGroupEnd const& end) {
        auto const how = describe_loss(end);
        if (!how.empty() && !end.others) {
            log_warning(how);
            for (auto const& line : end.output) log_warning("  " + line);
        }
        link_.tell_gone(how);
        auto verdict = link_.wait_for_leave(leave_limit);
        if (is_lost_unseen(end)) wait_for_task_zero(signals_);
        if (!verdict && !link_.connected()) verdict = verdict_without_task_zero(end);
        if (!end.status.succeeded() && options_.outer->by_slurm) {
            keep_open_beyond_our_end(keeper_.connected_to(options_.outer->mpi_server));
        }
        return exit_code_of(verdict.value_or(VerdictKind::resume));
    }

  private:
    /// Empty when the rank has ended as it should.
    [[nodiscard]] static std::string describe_loss(RankGroupEnd const& end) {
        if (end.verdict) return {};
        if (end.others) return *end.others;
        if (end.never_came) return "the other tasks did not come up";
        return "its rank ended with " + describe(end.status);
    }

    /// A rank that gives up by itself before MPI is up does so in every task: Slurm, unlike mpirun,
    /// lets the others find out for themselves.
    [[nodiscard]] bool is_lost_unseen(RankGroupEnd const& end) const {
        if (link_.connected() || end.verdict || end.never_came || end.terminated) return false;
        return end.status.signal != 0 || !options_.outer->by_slurm;
    }

    [[nodiscard]] static VerdictKind verdict_without_task_zero(RankGroupEnd const& end) {
        if (end.verdict) return end.verdict->kind;
        bool const killed = end.status.signal != 0 || end.status.exit_code > 128;
        return killed || end.terminated ? VerdictKind::resume : VerdictKind::failed;
    }

    JobOptions const& options_;
    SystemClock clock_;
    SignalFd signals_;
    std::string channel_name_ = unique_name();
    ScratchDirectory scratch_;
    TaskLink link_;
    SocketKeeper keeper_;
};

}  // namespace

int run_task(JobOptions const& options) {
    REPRISE_EXPECT(options.outer && options.outer->task > 0);
    if (!options.outer->connected) return exit_code_of(VerdictKind::failed);  // task 0 says it
    set_up_log("task " + std::to_string(options.outer->task), log_level_of(options.log_level));
    try {
        TaskLauncher launcher(options);
        return launcher.leave(launcher.run());
    } catch (std::exception const& e) {
        log_error(e.what());
        SignalFd const signals({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2});
        wait_for_task_zero(signals);
        return exit_code_of(VerdictKind::resume);
    }
}

}  // namespace reprise
