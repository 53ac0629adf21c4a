#include "reprise/commands/launcher.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

#include "reprise/commands/container_choice.hpp"
#include "reprise/commands/host_survey.hpp"
#include "reprise/commands/install_layout.hpp"
#include "reprise/commands/job_time.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/commands/lost_start.hpp"
#include "reprise/commands/mpi_starter.hpp"
#include "reprise/commands/rank_group.hpp"
#include "reprise/commands/scratch_directory.hpp"
#include "reprise/commands/server_voice.hpp"
#include "reprise/commands/task_hub.hpp"
#include "reprise/commands/task_launcher.hpp"
#include "reprise/commands/unique_name.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/client_files.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/memory_cgroup.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise {
namespace {

/// How long the other tasks have to end what runs. After a TERM all is over within 5 s.
constexpr Duration patience = std::chrono::seconds(5);
constexpr Duration terminated_patience = std::chrono::milliseconds(500);

/// What a server can be found by in a command line that is wrong elsewhere: else the search would
/// wait for ever for a job that never registered.
JobArguments make_out_server(std::vector<std::string> const& arguments) {
    std::vector<std::string> id_and_server;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        for (std::string const option : {"--job-id", "--cluster-utils-server"}) {
            if (arguments[i].rfind(option + "=", 0) == 0) id_and_server.push_back(arguments[i]);
            if (arguments[i] == option && i + 1 < arguments.size()) {
                id_and_server.push_back(option + "=" + arguments[i + 1]);
            }
        }
    }
    for (auto attempt : {id_and_server, {arguments.empty() ? "" : arguments.front()}}) {
        if (attempt.size() == 2) attempt.emplace_back("--parameter-dict");
        attempt.emplace_back("{}");
        try {
            return parse_job_arguments(attempt);
        } catch (InputError const&) {
            continue;
        }
    }
    return {};
}

/// slurm/cluster_utils/srun tries again as long as this file is not there. It has what the script
/// needs to do the guardians' work, should they be killed with everybody else.
void leave_mark_of_begin(std::string const& scratch = {}) {
    char const* const path = std::getenv("REPRISE_INTERNAL_BEGUN");
    if (path == nullptr) return;
    try {
        write_file(path, helper_path() + "\n" + scratch + "\n");
    } catch (Error const& e) {
        log_warning(e.what());
    }
}

/// One may be killed together with this process, before there is a rank that could speak.
constexpr int guardians = 2;

/// After a TERM the job has so long to be gone; see also rank_group.cpp.
constexpr Duration longest_end = std::chrono::milliseconds(4500);
/// Slurm answers within 50 ms when nothing is wrong.
constexpr Duration shortest_question = std::chrono::milliseconds(300);

std::string mpi_library() { return starter_of(built_mpi_family()).library; }

/// How many children mpirun has once all is up: its ranks on this node, and the srun that holds
/// those on the others.
int watched_ranks(LaunchRequest const& request) {
    if (!request.use_mpirun) return 0;
    if (request.nodes == 1) return request.ranks;
    return (request.ranks + request.nodes - 1) / request.nodes + 1;
}

Verdict failed(std::string reason, std::vector<std::string> details = {}) {
    return {VerdictKind::failed, {}, std::move(reason), std::move(details)};
}

/// Mistakes in the way srun was called; every task sees them.
std::optional<std::string> problem_with(std::optional<OuterStep> const& outer) {
    if (!outer || outer->connected) return std::nullopt;
    return describe(*outer) + ", but tells MPI nothing of it. " +
           advice_for_srun(built_mpi_family()) + ", or start one task.";
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
        std::string problem;
        try {
            context = prepare();
        } catch (InputError const& e) {
            problem = e.what();
        } catch (Error const& e) {
            problem = e.what();
        }
        if (!context) {
            send_the_others_home();
            return failed(problem);
        }
        for (auto const& notice : context->notices()) log_warning(notice);
        if (auto const notice = notice_of_few_cpus(own_environment())) log_warning(*notice);
        if (!options_.outer) {
            auto const notice = notice_of_unused_nodes(own_environment());
            if (notice) log_warning(*notice);
        }
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
                log_info("leaving to be started again: " + verdict.reason +
                         (by_hand_ && !options_.exit_for_restart
                              ? "; the same command goes on from there"
                              : ""));
                break;
            case VerdictKind::terminated:
                log_warning(verdict.reason + ". What is done is saved" +
                            (by_hand_ ? "; the same command goes on from there" : ""));
                break;
        }
        // Till here its guardian would have spoken for us, had we been killed.
        if (scratch_) (void)claim_last_will(scratch_->path());
        voice_.last_word(verdict);
        if (hub_) hub_->dismiss(verdict.kind);
        if (options_.outer && options_.outer->by_slurm && !rank_left_in_order_) {
            keep_open_beyond_our_end(keeper_->connected_to(options_.outer->mpi_server));
        }
    }

  private:
    /// All that has to be right before the ranks start. Throws InputError and Error.
    JobContext prepare() {
        auto const arguments = read_arguments();
        if (auto const problem = problem_with(options_.outer)) throw InputError(*problem);
        take_place();
        auto context = load_job_context(options_, arguments);
        check_commands(context);
        write_settings(context);
        return context;
    }

    /// What the ranks need of this process. May be called again.
    void take_place() {
        take_scratch();
        // For the guardian: from here on whatever is started carries the job's mark.
        ::setenv(job_mark_name, channel_name_.c_str(), 1);
        if (!options_.outer) return;
        if (!hub_) hub_.emplace(options_.outer->tasks);
        if (!keeper_) keeper_.emplace();
    }

    JobArguments read_arguments() {
        try {
            auto arguments = parse_job_arguments(options_.arguments);
            register_at(arguments);
            return arguments;
        } catch (InputError const&) {
            if (voice_.mute()) register_at(make_out_server(options_.arguments));
            throw;
        }
    }

    /// With a guardian that speaks should this process be killed. May be called again.
    void take_scratch() {
        if (scratch_) return;
        scratch_.emplace(channel_name_, scratch_bases(), guardians);
        voice_.leave_last_will(scratch_->path());
    }

    void register_at(JobArguments const& arguments) {
        voice_ = ServerVoice(arguments);
        by_hand_ = voice_.mute();
        try {
            // First: a server that knows of a job waits for its last word.
            if (!by_hand_) take_scratch();
        } catch (Error const&) {  // tried again where it can be told
        }
        leave_mark_of_begin(scratch_ ? scratch_->path() : std::string());
        voice_.started(host_name());
    }

    Verdict launch(JobContext const& context) {
        auto request = basic_request();
        request.ranks = context.ranks;
        request.use_mpirun = context.use_mpirun;
        if (context.use_mpirun)
            request.nodes = std::min(nodes_to_use(request.environment), context.ranks);
        request.root = ::geteuid() == 0;
        request.mpirun_args = context.spec.runner.mpirun_args;
        request.container = pass_on(context.container);
        request.cpus = launcher_cpus();
        walltime_ = find_walltime(context.spec.runner, request.environment, begin_s_);
        if (walltime_) request.walltime = pass_on(*walltime_);
        log_info((options_.outer ? options_.outer->starter + " has started " : "starting ") +
                 std::to_string(context.ranks) + (context.ranks == 1 ? " rank" : " ranks") +
                 " for " + std::to_string(context.plan.learning_runs) + " learning runs on " +
                 host_name() + ", container: " + describe(context.container));
        if (walltime_) log_info("time: " + describe(*walltime_, clock_.unix_time()));
        if (context.spec.runner.memory_limit_mb > 0) note_cgroups();
        RankGroupSetting setting;
        setting.ranks = watched_ranks(request);
        setting.several_nodes = request.nodes > 1;
        setting.on_terminated = [&] { on_terminated(context); };
        setting.last_moment = last_moment();
        std::optional<RankGroupEnd> end;
        try {
            end = run_ranks(request, std::move(setting));
        } catch (Error const& e) {
            return failed(std::string(e.what()) +
                          (context.use_mpirun ? " Is " + mpi_library() + " installed?" : ""));
        }
        // A rank that was killed has removed neither the cgroup of its training nor its scratch,
        // and its guardian was among what was left of it.
        if (context.spec.runner.memory_limit_mb > 0) sweep_run_cgroups();
        sweep_scratch();
        return judge(context, *end);
    }

    /// For the guardians.
    void note_cgroups() const {
        try {
            write_file(scratch_->path() + "/" + cgroups_note_name, place_of_run_cgroups() + "\n");
        } catch (Error const&) {  // then they are left for the next start
        }
    }

    /// Who ends the job wants no word, whatever comes after, unless it is the clock.
    void on_terminated(JobContext const& context) {
        terminated_at_ = clock_.now();
        term_facts_.on_term = context.spec.runner.on_term;
        term_facts_.early_reports = context.spec.runner.early_reports > 0;
        term_facts_.at_known_end = at_known_end(walltime_, clock_.unix_time());
        bool const resumes = !must_ask_for_fate(term_facts_) &&
                             word_after_term(term_facts_).kind == VerdictKind::resume;
        if (!resumes) (void)claim_last_will(scratch_->path());
    }

    /// When everything is saved: what became of the job?
    [[nodiscard]] TermFacts term_facts_with_fate() const {
        auto facts = term_facts_;
        if (!must_ask_for_fate(facts)) return facts;
        auto const left = terminated_at_ + longest_end - clock_.now();
        facts.fate = ask_for_fate(own_environment(), std::max<Duration>(left, shortest_question));
        return facts;
    }

    /// Ranks that do not leave in time are killed, so that there is still time for a word.
    [[nodiscard]] std::optional<TimePoint> last_moment() const {
        if (!walltime_) return std::nullopt;
        auto const seconds = [](double number) {
            return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
        };
        auto const leaving = time_to_leave(seconds(walltime_->margin_s));
        return clock_.now() + seconds(walltime_->end_s - clock_.unix_time()) - leaving / 2;
    }

    [[nodiscard]] LaunchRequest basic_request() const {
        LaunchRequest request;
        request.program = own_executable();
        request.channel = channel_name_;
        request.scratch = scratch_->path();
        request.job_arguments = options_.arguments;
        request.exit_for_restart = options_.exit_for_restart;
        request.log_level = options_.log_level;
        request.environment = own_environment();
        request.outer = options_.outer;
        if (hub_) request.hub = hub_->address();
        return request;
    }

    RankGroupEnd run_ranks(LaunchRequest const& request, RankGroupSetting setting) {
        ChannelListener listener(channel_name_);
        setting.spared = scratch_->guardians();
        setting.others = hub_ ? &*hub_ : nullptr;
        setting.keeper = keeper_ ? &*keeper_ : nullptr;
        auto end = run_rank_group(plan_launch(request), listener, signals_, clock_, setting);
        rank_left_in_order_ = end.status.succeeded();
        if (hub_) {
            if (!end.verdict) hub_->end_all();
            auto const limit = end.terminated ? terminated_patience : patience;
            if (!hub_->wait_until_gone(limit, end.verdict.has_value())) {
                log_warning("not all tasks have said that they are done");
            }
        }
        return end;
    }

    /// Other tasks wait for this one in MPI, and must leave with the same code.
    void send_the_others_home() {
        if (!options_.outer || !options_.outer->connected) return;
        try {
            take_place();
            auto request = basic_request();
            request.refuse = true;
            (void)run_ranks(request, {});
        } catch (Error const& e) {
            log_error(e.what());
        }
    }

    [[nodiscard]] Verdict judge(JobContext const& context, RankGroupEnd const& end) {
        if (end.terminated && (!end.verdict || end.verdict->kind == VerdictKind::terminated)) {
            return word_after_term(term_facts_with_fate());
        }
        if (end.verdict) return *end.verdict;
        auto const who = context.use_mpirun ? "mpirun" : "the rank";
        auto const how =
            end.others ? *end.others
            : end.never_came && options_.outer
                ? "not all of the " + std::to_string(options_.outer->tasks) + " tasks came up"
                : std::string(who) + " ended with " + describe(end.status);
        std::vector<std::string> details;
        if (!end.output.empty()) {
            details.push_back("last lines of " + std::string(who));
            details.insert(details.end(), end.output.begin(), end.output.end());
        }
        if (end.time_limit && !end.connected) {
            return {VerdictKind::resume, {}, "the job's time was over before it began", {}};
        }
        bool const killed =
            end.status.signal != 0 || says_killed(built_mpi_family(), end.status.exit_code);
        if (!end.connected && !killed && context.use_mpirun && !scratch_->has_room()) {
            return failed(how + " before the ranks were there, and the disk of '" +
                          scratch_->path() + "' is full: " + mpi_library() + " needs " +
                          std::to_string(scratch_room_mb) +
                          " MB in /dev/shm or /tmp. Remove what fills both, or train one rerun at "
                          "a time (runner.ranks=1).");
        }
        if (!end.connected && !killed) {
            return failed(how + " before the ranks were there. " +
                              (options_.outer ? "Does the MPI library know this srun (set "
                                                "SLURM_MPI_TYPE) or mpirun?"
                                              : "Check runner.mpirun_args and the installation "
                                                "of " +
                                                    mpi_library()),
                          details);
        }
        log_warning("a rank was lost (" + how + ")");
        for (auto const& line : details) log_warning("  " + line);
        auto verdict = record_lost_start(context, end.start_recorded, how, clock_.unix_time());
        bool const node = hub_ && hub_->lost_perhaps_a_node();
        return node && verdict.kind == VerdictKind::resume ? wait_for_slurm(context, verdict)
                                                           : verdict;
    }

    /// A lost node makes Slurm put the job back into the queue, but only when it has noticed. Who
    /// asks for a new start before that gets a second job beside this one, perhaps on that node.
    Verdict wait_for_slurm(JobContext const& context, Verdict const& verdict) {
        auto const longest = time_to_notice_lost_node(own_environment());
        if (!longest) return verdict;
        auto const end = clock_.now() + *longest;
        log_info("a node may be lost: waiting for Slurm to start the job again, at most " +
                 shown_seconds(std::chrono::duration<double>(*longest).count()));
        while (clock_.now() < end) {
            pollfd fd{signals_.fd(), POLLIN, 0};
            poll_events({&fd, 1}, end - clock_.now());
            auto const signal = signals_.read();
            if (!signal) continue;
            if (signal->number == SIGUSR1) return verdict;
            on_terminated(context);
            return word_after_term(term_facts_with_fate());
        }
        return verdict;
    }

    JobOptions const& options_;
    SystemClock clock_;
    SignalFd signals_;
    ServerVoice voice_;
    bool by_hand_ = true;
    double begin_s_ = clock_.unix_time();  ///< seconds since the epoch
    std::optional<Walltime> walltime_;
    TermFacts term_facts_;  ///< once TERM has come
    TimePoint terminated_at_;
    std::optional<ScratchDirectory> scratch_;  ///< of the ranks; removed when all is said
    std::string channel_name_ = unique_name();
    // Where somebody else has started this and other tasks:
    std::optional<TaskHub> hub_;
    std::optional<SocketKeeper> keeper_;
    bool rank_left_in_order_ = true;
};

}  // namespace

int run_job(JobOptions const& options) {
    std::signal(SIGPIPE, SIG_IGN);
    (void)become_subreaper();
    set_up_log("launcher", LogLevel::info);
    try {
        set_up_log("launcher", log_level_of(options.log_level));
    } catch (InputError const& e) {
        return refuse_job(options.arguments, e.what());
    }
    if (options.outer && options.outer->task > 0) return run_task(options);
    // By slurm/cluster_utils/srun, which could not start it where it should run.
    if (char const* const reason = std::getenv("REPRISE_INTERNAL_REFUSE")) {
        return refuse_job(options.arguments, reason);
    }
    Launcher launcher(options);
    Verdict verdict;
    try {
        verdict = launcher.run();
    } catch (std::exception const& e) {
        kill_all_descendants(kill_limit);
        verdict = failed(e.what());
    }
    launcher.speak(verdict);
    return exit_code_of(verdict.kind);
}

int refuse_job(std::vector<std::string> const& arguments, std::string const& reason) {
    set_up_log("launcher", LogLevel::info);
    auto const outer = find_outer_step(own_environment());
    if (outer && outer->task > 0) return exit_code_of(VerdictKind::failed);  // task 0 says it
    log_error(reason);
    leave_mark_of_begin();
    try {
        ServerVoice voice(make_out_server(arguments));
        voice.started(host_name());
        voice.last_word(failed(reason));
    } catch (Error const& e) {
        log_error(e.what());
    }
    return exit_code_of(VerdictKind::failed);
}

}  // namespace reprise
