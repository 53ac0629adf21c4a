#include "reprise/commands/rank_main.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "reprise/commands/coordinator.hpp"
#include "reprise/commands/host_survey.hpp"
#include "reprise/commands/install_layout.hpp"
#include "reprise/commands/job_time.hpp"
#include "reprise/commands/launch_plan.hpp"
#include "reprise/commands/launcher_messages.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/commands/mpi_starter.hpp"
#include "reprise/commands/rank_loop.hpp"
#include "reprise/commands/scratch_directory.hpp"
#include "reprise/commands/unique_name.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/system/file_lock.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/kept_sockets.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/memory_cgroup.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"
#include "reprise/system/tcp.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

constexpr Duration lock_poll_interval = milliseconds(100);
constexpr Duration farewell_limit = std::chrono::seconds(2);
/// A rank whose launcher was killed while another launcher has the last word: rank 0 may still send
/// it home in order.
constexpr Duration orphan_limit = milliseconds(1300);

StopReason reason_of(int signal) {
    return signal == SIGUSR1 ? StopReason::time_limit : StopReason::terminated;
}

/// One rank and its surroundings.
class Rank {
  public:
    /// @param hub where task 0's launcher listens; empty unless somebody else starts the ranks
    Rank(RankOptions const& options, RankPost& post, SignalFd& signals, std::string scratch,
         std::string hub = {})
        : options_(options),
          post_(post),
          loop_(post, signals, clock_),
          scratch_(std::move(scratch)),
          hub_(std::move(hub)) {}

    int run();

  private:
    [[nodiscard]] RankWorker make_worker(HostFacts const& facts,
                                         std::function<void(RankPayload)> report) const;
    int run_worker();
    int run_rank_zero();
    void connect_to_launcher();
    void say_farewell(VerdictReached const& verdict);
    [[nodiscard]] bool launcher_is_gone() const;
    [[nodiscard]] bool may_speak() const;
    void on_channel();
    void on_signal(int signal);
    void tell_launcher(LauncherMessage const& message);
    [[nodiscard]] Verdict lead();
    [[nodiscard]] std::optional<FileLock> lock_directory(std::string const& working_dir);
    [[nodiscard]] ResultsStore open_store(JobContext const& context) const;
    [[nodiscard]] std::vector<HostFacts> gather_facts();
    [[nodiscard]] Verdict stopped_early() const;
    [[nodiscard]] Verdict train(JobContext const& context, ResultsStore& store,
                                std::vector<HostFacts> const& facts);
    void dismiss(VerdictKind verdict);

    RankOptions const& options_;
    RankPost& post_;
    SystemClock clock_;
    RankLoop loop_;
    RankHandlers handlers_;
    std::optional<Channel> channel_;
    ServerVoice voice_;
    std::string scratch_;  ///< the launcher's, if it has one
    std::string hub_;
    std::optional<Walltime> walltime_ = passed_on_walltime(own_environment());
    std::optional<StopReason> stop_asked_;  ///< before there is a coordinator
    std::map<int, HostFacts> facts_;        ///< by rank: those that are ready
    Coordinator* coordinator_ = nullptr;
};

int Rank::run() { return post_.rank() == 0 ? run_rank_zero() : run_worker(); }

RankWorker Rank::make_worker(HostFacts const& facts,
                             std::function<void(RankPayload)> report) const {
    WorkerSite site;
    site.host = facts.host;
    site.allocation_cpus = static_cast<int>(facts.cpus.size());
    site.helper = helper_path();
    site.environment = own_environment();
    return {std::move(site), clock_, std::move(report)};
}

// ---- ranks 1, 2, … ------------------------------------------------------------------------------

int Rank::run_worker() {
    bool const has_launcher = options_.job.outer.has_value();  // of its own
    if (has_launcher) connect_to_launcher();
    auto const facts = survey_host(own_environment());
    post_.send(0, RankReady{facts});
    auto worker =
        make_worker(facts, [this](RankPayload const& payload) { post_.send(0, payload); });
    std::optional<VerdictKind> dismissed;
    bool deserted = false;
    // The launcher's word goes to all ranks, and only rank 0 decides. But what runs here may have
    // got the signal as well (Slurm sends it to every process): that must not look like a failure.
    handlers_.on_signal = [&worker](int signal) {
        if (worker.key()) worker.stop({*worker.key(), reason_of(signal)});
    };
    handlers_.on_payload = [&](int, RankPayload const& payload) {
        if (auto const* dismissal = std::get_if<Dismissal>(&payload)) {
            dismissed = dismissal->verdict;
        } else if (deserted) {
            return;
        } else if (auto const* order = std::get_if<TrainingOrder>(&payload)) {
            worker.take(*order);
        } else if (auto const* stop = std::get_if<StopOrder>(&payload)) {
            worker.stop(*stop);
        }
    };
    while (!dismissed && !(has_launcher && launcher_is_gone())) loop_.turn(&worker, handlers_);
    worker.abandon();
    deserted = true;
    auto const end = clock_.now() + orphan_limit;
    while (!dismissed && clock_.now() < end) {
        loop_.turn(nullptr, handlers_, end - clock_.now());
    }
    if (!dismissed) _exit(1);  // MPI would wait for the others
    if (has_launcher) say_farewell({{*dismissed, {}, {}, {}}});
    post_.flush(farewell_limit);
    return 0;
}

// ---- rank 0 -------------------------------------------------------------------------------------

int Rank::run_rank_zero() {
    connect_to_launcher();
    handlers_.on_signal = [this](int signal) { on_signal(signal); };
    handlers_.on_payload = [this](int rank, RankPayload const& payload) {
        // Nothing else is sent before the first order.
        facts_[rank] = std::get<RankReady>(payload).facts;
    };
    Verdict verdict;
    try {
        if (!options_.refuse) verdict = lead();
    } catch (std::exception const& e) {
        verdict = {VerdictKind::failed, {}, e.what(), {}};
    }
    dismiss(verdict.kind);
    if (!launcher_is_gone()) {
        say_farewell({verdict});
    } else if (!voice_.mute() && may_speak()) {
        // The launcher was killed: there is nobody else to say it.
        voice_.last_word(verdict);
    }
    return 0;
}

void Rank::say_farewell(VerdictReached const& verdict) {
    tell_launcher(verdict);
    auto const end = clock_.now() + farewell_limit;
    while (channel_->flush() && !channel_->closed() && clock_.now() < end) {
        pollfd fd{channel_->fd(), POLLOUT, 0};
        poll_events({&fd, 1}, milliseconds(100));
    }
}

void Rank::connect_to_launcher() {
    auto const level = log_level_of(options_.job.log_level);
    set_up_log(
        "rank " + std::to_string(post_.rank()), level,
        [this](LogLevel line_level, std::string_view line) {
            // Without a launcher nobody reads what mpirun passes on, and an mpirun that has met a
            // broken pipe for the eleventh time kills its ranks (Open MPI 4.1, ess_hnp_module.c).
            tell_launcher(LogLine{line_level, std::string(line)});
        });
    try {
        channel_ = Channel::connect(options_.channel);
        handlers_.channel_fd = channel_->fd();
        handlers_.on_channel = [this] { on_channel(); };
        if (options_.job.outer) tell_launcher(TasksMet{hub_});
    } catch (Error const&) {
        stop_asked_ = StopReason::launcher_lost;
    }
}

bool Rank::launcher_is_gone() const { return !channel_ || channel_->closed(); }

/// Not when somebody ended the job: then the launcher has taken the last will away.
bool Rank::may_speak() const { return scratch_.empty() || claim_last_will(scratch_); }

void Rank::tell_launcher(LauncherMessage const& message) {
    if (!launcher_is_gone()) channel_->send(encode_launcher_message(message));
}

void Rank::on_channel() {
    while (channel_->receive()) {
    }
    if (!channel_->closed() || handlers_.channel_fd < 0) return;
    handlers_.channel_fd = -1;
    stop_asked_ = StopReason::launcher_lost;
    if (coordinator_ != nullptr) coordinator_->stop(*stop_asked_);
}

void Rank::on_signal(int signal) {
    stop_asked_ = reason_of(signal);
    log_warning(signal == SIGUSR1 ? "the job's time is nearly over: stopping the trainings"
                                  : "asked to end: stopping the trainings");
    if (coordinator_ != nullptr) coordinator_->stop(*stop_asked_);
}

Verdict Rank::lead() {
    auto const context =
        load_job_context(options_.job, parse_job_arguments(options_.job.arguments));
    voice_ = ServerVoice(context.arguments);
    create_directories(context.working_dir);
    auto lock = lock_directory(context.working_dir);
    auto const facts = gather_facts();
    if (stop_asked_) return stopped_early();
    create_directories(std::filesystem::path(context.results_path).parent_path().string());
    auto store = open_store(context);
    auto verdict = train(context, store, facts);
    store.close();
    if (lock) lock->release();
    return verdict;
}

Verdict Rank::stopped_early() const {
    auto const kind =
        *stop_asked_ == StopReason::terminated ? VerdictKind::terminated : VerdictKind::resume;
    return {kind, {}, "asked to end before anything was started", {}};
}

/// Waits until every rank has told about its host. Incomplete when asked to stop meanwhile.
std::vector<HostFacts> Rank::gather_facts() {
    if (!stop_asked_) facts_[0] = survey_host(own_environment());
    while (!stop_asked_ && facts_.size() < static_cast<std::size_t>(post_.size())) {
        loop_.turn(nullptr, handlers_);
    }
    std::vector<HostFacts> facts;
    for (auto const& [rank, its_facts] : facts_) facts.push_back(its_facts);
    return facts;
}

/// Waits for its turn. Nothing when file locks do not work here, or when asked to stop meanwhile.
std::optional<FileLock> Rank::lock_directory(std::string const& working_dir) {
    auto const path = working_dir + "/.reprise.lock";
    auto const end = clock_.now() + lock_patience;
    bool told = false;
    while (!stop_asked_) {
        auto attempt = FileLock::try_lock(path);
        if (attempt.outcome == LockAttempt::Outcome::acquired) return std::move(attempt.lock);
        if (attempt.outcome == LockAttempt::Outcome::unsupported) {
            log_warning("no file locks in '" + working_dir + "' (" + attempt.cause +
                        "): nothing keeps a second job out of this directory");
            return std::nullopt;
        }
        auto const holder = attempt.holder.empty() ? "another job" : attempt.holder;
        if (clock_.now() >= end) {
            throw Error(Error::Kind::busy, "lock", working_dir, holder + " still uses it",
                        "Does this job run twice?");
        }
        if (!std::exchange(told, true)) {
            log_info("waiting for '" + working_dir + "' (" + holder + " uses it)");
        }
        if (walltime_ && clock_.unix_time() >= walltime_->stop_s()) {
            stop_asked_ = StopReason::time_limit;
        }
        loop_.turn(nullptr, handlers_, lock_poll_interval);
    }
    return std::nullopt;
}

ResultsStore Rank::open_store(JobContext const& context) const {
    auto const& path = context.results_path;
    if (is_regular_file(path)) {
        auto const stored = ResultsReader::open(path).sample();
        if (stored.digest != context.digest.hex) {
            auto const difference = first_difference(stored.canonical, context.digest.text);
            throw InputError(difference.value_or("'" + path + "' belongs to another sample."));
        }
    }
    auto const& plan = context.plan;
    Capacity room;
    room.attempts = static_cast<std::size_t>(plan.learning_runs) *
                        static_cast<std::size_t>(plan.training_iterations) +
                    64;
    return ResultsStore::create_or_open(path, context.describe_sample(clock_.unix_time()), room);
}

Verdict Rank::train(JobContext const& context, ResultsStore& store,
                    std::vector<HostFacts> const& facts) {
    RankWorker* own = nullptr;
    Coordinator coordinator(
        context, store, voice_, clock_, facts,
        [&](int rank, RankPayload payload) {
            if (rank != 0) {
                post_.send(rank, payload);
            } else if (auto* order = std::get_if<TrainingOrder>(&payload)) {
                own->take(std::move(*order));
            } else if (auto const* stop = std::get_if<StopOrder>(&payload)) {
                own->stop(*stop);
            }
        },
        [this](int number) { tell_launcher(StartRecorded{number}); });
    auto worker = make_worker(facts.front(),
                              [&](RankPayload const& payload) { coordinator.take(0, payload); });
    own = &worker;

    handlers_.on_payload = [&](int rank, RankPayload const& payload) {
        coordinator.take(rank, payload);
    };
    handlers_.deadline = [&] { return coordinator.deadline(); };
    handlers_.on_deadline = [&] { coordinator.tick(); };
    coordinator_ = &coordinator;
    coordinator.begin(facts.front().host, walltime_);
    if (stop_asked_) coordinator.stop(*stop_asked_);
    while (!coordinator.verdict()) loop_.turn(&worker, handlers_);
    coordinator_ = nullptr;
    worker.abandon();
    auto verdict = *coordinator.verdict();
    close_books(context, store, verdict);
    for (auto const& line : summary(context, coordinator.state(), verdict)) log_info(line);
    return verdict;
}

void Rank::dismiss(VerdictKind verdict) {
    for (int rank = 1; rank < post_.size(); ++rank) post_.send(rank, Dismissal{verdict});
    post_.flush(farewell_limit);
}

/// MPI has not found the other tasks.
int report_isolation(RankOptions const& options, OuterStep const& outer, int rank, int size) {
    auto const reason =
        describe(outer) + ", but MPI has found " + std::to_string(size) + " and calls this one " +
        std::to_string(rank) + " instead of " + std::to_string(outer.task) + ". " +
        (outer.starter == "srun"
             ? advice_for_srun(built_mpi_family()) + ", or what else the MPI library and srun know."
             : "Use the mpirun of the MPI library that reprise is built with.");
    auto channel = Channel::connect(options.channel);
    channel.send(encode_launcher_message(VerdictReached{{VerdictKind::failed, {}, reason, {}}}));
    return 0;  // so short a message has left
}

/// Somebody else has started the ranks, each below a launcher of its own.
int run_in_step(RankOptions const& options, OuterStep const& outer, MpiSession const& session,
                SignalFd& signals, std::string const& scratch) {
    // Should this process die, the launcher of task 0 is to hear of it before MPI does.
    SocketOffer offer(options.keep_fd);
    offer.hand_over();
    auto const rank = session.world().rank();
    auto const size = session.world().size();
    if (size != outer.tasks || rank != outer.task) {
        return report_isolation(options, outer, rank, size);
    }
    char const* const own_hub = std::getenv(task_hub_variable);
    auto const hub = session.of_rank_zero(own_hub != nullptr ? own_hub : "");
    RankPost post(session, session.of_rank_zero(options.channel), host_name());
    offer.hand_over();
    return Rank(options, post, signals, scratch, hub).run();
}

/// mpirun hands on to its ranks what is meant for itself, and the library of Open MPI 4.1 refuses
/// it beside what mpirun sets for them (orte_register_params).
void drop_settings_of_mpirun() { ::unsetenv("OMPI_MCA_orte_local_tmpdir_base"); }

/// MPI has read them, and trainings must not.
void drop_settings_for_mpi(std::string const& scratch) {
    for (auto const& variable : own_environment()) {
        if (!is_for_mpi_alone(variable, scratch)) continue;
        ::unsetenv(variable.substr(0, variable.find('=')).c_str());
    }
}

int run_with_mpi(RankOptions const& options, SignalFd& signals, std::string const& scratch) {
    drop_settings_of_mpirun();
    MpiSession const session;
    drop_settings_for_mpi(scratch);
    // PMIx ends with several small messages to mpirun. Held back until the first is acknowledged,
    // they cost a job 40 ms.
    send_small_writes_at_once();
    // Inside the session's scope: outside it Boost.MPI ends the process before any handler runs.
    try {
        auto const rank = session.world().rank();
        set_up_log("rank " + std::to_string(rank), log_level_of(options.job.log_level));
        if (auto const& outer = options.job.outer) {
            return run_in_step(options, *outer, session, signals, scratch);
        }
        RankPost post(session, options.channel, host_name());
        return Rank(options, post, signals, scratch).run();
    } catch (std::exception const& e) {
        log_error(e.what());
        kill_all_descendants(milliseconds(1000));
        _exit(1);
    }
}

int run_alone(RankOptions const& options, SignalFd& signals, std::string const& scratch) {
    RankPost post;
    return Rank(options, post, signals, scratch).run();
}

/// A launcher that was killed cannot clean up any more, and neither may its guardian.
bool launcher_lives(std::string const& channel) {
    try {
        (void)Channel::connect(channel);
        return true;
    } catch (Error const&) {
        return false;
    }
}

pid_t mpirun = 0;

/// A rank under mpirun gets TERM when mpirun is gone, or when it sends everybody home because a
/// rank was lost, and dies of it, wherever it is: MPI may hang then, all that was announced is on
/// disk, and the launcher says what becomes of the job. Somebody else's TERM is one that Slurm has
/// sent to every process of the job: then this rank saves, as if the launcher had told it.
void on_term(int, siginfo_t* info, void*) {
    if (info->si_pid == mpirun || info->si_pid == 0) _exit(128 + SIGTERM);
    (void)::kill(::getpid(), SIGUSR2);
}

void heed_term() {
    mpirun = ::getppid();
    struct sigaction action {};
    action.sa_sigaction = on_term;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGTERM, &action, nullptr);
    (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
}

}  // namespace

int rank_main(RankOptions const& options) {
    // Before MPI starts threads of its own. (A rank that has a launcher as its parent learns of its
    // death through the channel.)
    bool const below_launcher = options.solo || options.job.outer;
    auto signals = below_launcher ? SignalFd({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2})
                                  : SignalFd({SIGUSR1, SIGUSR2});
    if (!below_launcher) heed_term();
    (void)become_subreaper();
    std::signal(SIGPIPE, SIG_IGN);
    set_up_log("rank", log_level_of(options.job.log_level));

    // Its guardian waits for us with what it does when the launcher has been killed.
    auto const hold = hold_scratch(options.channel);
    auto const scratch = hold ? hold->path : std::string();
    std::optional<ScratchDirectory> own;
    if (!hold && !below_launcher) {
        // mpirun has started us on another node than the launcher's. What we leave there when we
        // are killed is for a guardian of our own.
        auto const name = unique_name();
        own.emplace(name);
        ::setenv(job_mark_name, name.c_str(), 1);
        for (auto const* transport : {"vader", "sm"}) {
            auto const setting = std::string("OMPI_MCA_btl_") + transport + "_backing_directory";
            ::setenv(setting.c_str(), own->path().c_str(), 0);
        }
    }
    int const code = options.solo ? run_alone(options, signals, scratch)
                                  : run_with_mpi(options, signals, scratch);
    sweep_run_cgroups();
    if (!launcher_lives(options.channel)) remove_scratch(options.channel);
    return code;
}

}  // namespace reprise
