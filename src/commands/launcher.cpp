#include "reprise/commands/launcher.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "reprise/commands/install_layout.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/commands/lost_start.hpp"
#include "reprise/commands/rank_group.hpp"
#include "reprise/commands/server_voice.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/client_files.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/posix_error.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise {
namespace {

/// A private directory for the sockets and segments of mpirun and MPI, removed with its content.
/// In memory where possible: MPI's segments are mapped files.
class ScratchDirectory {
  public:
    ScratchDirectory() {
        for (std::string const base : {"/dev/shm", "/tmp"}) {
            path_ = base + "/reprise.XXXXXX";
            if (::mkdtemp(path_.data()) != nullptr) return;
        }
        throw posix_error(errno, "create directory", path_);
    }
    ScratchDirectory(ScratchDirectory const&) = delete;
    ScratchDirectory& operator=(ScratchDirectory const&) = delete;
    ~ScratchDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

  private:
    std::string path_;
};

/// Nobody else's: the name stands for this process and this moment.
std::string channel_name() {
    std::random_device random;
    return "reprise." + std::to_string(::getpid()) + "." + std::to_string(random()) +
           std::to_string(random());
}

Verdict failed(std::string reason, std::vector<std::string> details = {}) {
    return {VerdictKind::failed, {}, std::move(reason), std::move(details)};
}

/// Writes what the client of cluster_utils writes before anything runs.
void write_settings(JobContext const& context) {
    create_directories(context.working_dir);
    write_file(context.working_dir + "/settings.json", settings_json(context.parameters));
}

class Launcher {
  public:
    explicit Launcher(JobOptions const& options)
        : options_(options), signals_({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {}

    Verdict run() {
        std::optional<JobContext> context;
        try {
            auto const arguments = parse_job_arguments(options_.arguments);
            voice_ = ServerVoice(arguments);
            by_hand_ = !arguments.server;
            voice_.started(host_name());
            context = load_job_context(options_, arguments);
            check_commands(*context);
            (void)helper_path();
            write_settings(*context);
        } catch (InputError const& e) {
            return failed(e.what());
        } catch (Error const& e) {
            return failed(e.what());
        }
        for (auto const& notice : context->notices()) log_warning(notice);
        return launch(*context);
    }

    /// Everything else is over.
    void speak(Verdict const& verdict) {
        switch (verdict.kind) {
            case VerdictKind::done:
                break;  // rank 0 has summed up
            case VerdictKind::failed:
                log_error(verdict.reason);
                for (auto const& line : verdict.details) log_error("  " + line);
                break;
            case VerdictKind::resume:
                log_info("leaving to be started again: " + verdict.reason);
                break;
            case VerdictKind::terminated:
                log_warning(verdict.reason + ". What is done is saved" +
                            (by_hand_ ? "; the same command goes on from there" : ""));
                break;
        }
        voice_.last_word(verdict);
    }

  private:
    Verdict launch(JobContext const& context) {
        ScratchDirectory const scratch;
        ChannelListener listener(channel_name_);
        LaunchRequest request;
        request.program = own_executable();
        request.channel = channel_name_;
        request.scratch = scratch.path();
        request.ranks = context.ranks;
        request.use_mpirun = context.use_mpirun;
        request.root = ::geteuid() == 0;
        request.mpirun_args = context.spec.runner.mpirun_args;
        request.job_arguments = options_.arguments;
        request.exit_for_restart = options_.exit_for_restart;
        request.log_level = options_.log_level;
        request.environment = own_environment();
        log_info("starting " + std::to_string(context.ranks) +
                 (context.ranks == 1 ? " rank" : " ranks") + " for " +
                 std::to_string(context.plan.learning_runs) + " learning runs on " + host_name());
        std::optional<RankGroupEnd> end;
        try {
            end = run_rank_group(plan_launch(request), listener, signals_, clock_);
        } catch (Error const& e) {
            return failed(std::string(e.what()) +
                          (context.use_mpirun ? " Is Open MPI installed?" : ""));
        }
        return judge(context, *end);
    }

    Verdict judge(JobContext const& context, RankGroupEnd const& end) const {
        if (end.verdict) return *end.verdict;
        auto const who = context.use_mpirun ? "mpirun" : "the rank";
        auto const how = std::string(who) + " ended with " + describe(end.status);
        if (end.terminated) return {VerdictKind::terminated, {}, "ended by a signal", {}};
        std::vector<std::string> details;
        if (!end.output.empty()) {
            details.push_back("last lines of " + std::string(who));
            details.insert(details.end(), end.output.begin(), end.output.end());
        }
        if (end.time_limit && !end.connected) {
            return {VerdictKind::resume, {}, "the job's time was over before it began", {}};
        }
        if (!end.connected && end.status.signal == 0) {
            return failed(how +
                              " before the ranks were there. Check runner.mpirun_args and the "
                              "installation of Open MPI",
                          details);
        }
        log_warning("a rank was lost (" + how + ")");
        for (auto const& line : details) log_warning("  " + line);
        return record_lost_start(context, end.start_recorded, how, clock_.unix_time());
    }

    JobOptions const& options_;
    SystemClock clock_;
    SignalFd signals_;
    ServerVoice voice_;
    bool by_hand_ = true;
    std::string channel_name_ = channel_name();
};

}  // namespace

int run_job(JobOptions const& options) {
    std::signal(SIGPIPE, SIG_IGN);
    (void)become_subreaper();
    set_up_log("launcher", log_level_of(options.log_level));
    Launcher launcher(options);
    Verdict verdict;
    try {
        verdict = launcher.run();
    } catch (std::exception const& e) {
        kill_all_descendants(std::chrono::milliseconds(2000));
        verdict = failed(e.what());
    }
    launcher.speak(verdict);
    return exit_code_of(verdict.kind);
}

}  // namespace reprise
