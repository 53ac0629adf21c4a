#include "reprise/commands/rank_worker.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <sstream>
#include <utility>

#include "reprise/commands/log.hpp"
#include "reprise/commands/part_files.hpp"
#include "reprise/commands/unique_name.hpp"
#include "reprise/container/gpus.hpp"
#include "reprise/container/thread_variables.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/utf8.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

constexpr std::size_t stderr_tail_lines = 20;
constexpr std::size_t stderr_tail_bytes = 8192;

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(to_shown_line(line));
    return lines;
}

std::string last_line_of(std::string const& text) {
    auto const lines = lines_of(text);
    auto const last = std::find_if(lines.rbegin(), lines.rend(), [](std::string const& line) {
        return line.find_first_not_of(" \t") != std::string::npos;
    });
    return last == lines.rend() ? std::string() : *last;
}

/// The attempt's own directory: one that exists may still be written to by a lost process.
void make_run_directory(std::string const& path) {
    if (::mkdir(path.c_str(), 0777) != 0) throw posix_error(errno, "create directory", path);
}

/// 0 when there is none.
std::int64_t size_of(std::string const& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

RunLimits limits_of(TrainingOrder const& order) {
    using std::chrono::milliseconds;
    return {milliseconds(order.run_time_limit_ms), milliseconds(order.stall_timeout_ms),
            order.memory_limit_mb, milliseconds(order.stop_grace_ms)};
}

/// A program with a slash is relative to where the job was started, not to the run directory.
std::vector<std::string> located(std::vector<std::string> command, std::string const& start_dir) {
    if (!command.empty() && command.front().find('/') != std::string::npos) {
        command.front() = absolute_path(command.front(), start_dir);
    }
    return command;
}

TrainingFacts facts_of(TrainingEnd const& end) {
    using How = TrainingEnd::How;
    using End = TrainingFacts::End;
    TrainingFacts facts;
    facts.message = end.message;
    facts.cpu_s = end.cpu_s;
    facts.peak_memory_mb = end.peak_memory_mb;
    auto const* status = end.learner ? &*end.learner : nullptr;
    switch (end.how) {
        case How::learner_ended:
            facts.end = End::learner_ended;
            break;
        case How::backend_died:
            facts.end = End::backend_died;
            status = end.backend ? &*end.backend : nullptr;
            break;
        case How::not_started:
            facts.end = End::not_started;
            break;
        case How::stopped:
        case How::killed:
            facts.end = End::stopped;
            break;
        case How::helper_lost:
            facts.end = End::helper_lost;
            break;
    }
    if (status != nullptr) {
        facts.exit_code = status->exit_code;
        facts.signal = status->signal;
    }
    return facts;
}

}  // namespace

RankWorker::RankWorker(WorkerSite site, Clock const& clock, std::function<void(RankPayload)> report)
    : site_(std::move(site)), clock_(clock), report_(std::move(report)) {}

Instant RankWorker::now() const { return {clock_.now(), clock_.unix_time()}; }

std::string RankWorker::path_of(std::string const& name) const {
    return order_.run_dir + "/" + name;
}

void RankWorker::take(TrainingOrder order) {
    REPRISE_EXPECT(idle());
    order_ = std::move(order);
    next_watch_.reset();
    last_steps_ = {order_.key, 0, 0.0, 0};
    feed(Ordered{order_.key, order_.seed, order_.loaded_from, order_.reward_file,
                 order_.reward_column, limits_of(order_),
                 order_.base.goes_on ? order_.base.began + order_.base.done : 0});
}

void RankWorker::stop(StopOrder const& order) {
    StopAsked stop{order.key, order.reason};
    if (order.kill_after_ms >= 0) stop.kill_after = std::chrono::milliseconds(order.kill_after_ms);
    feed(stop);
}

void RankWorker::abandon() {
    process_.reset();
    memory_.reset();
    remove_private_directory();
}

void RankWorker::feed(SupervisorEvent const& event) {
    for (auto const& action : supervisor_.handle(event, now())) {
        std::visit([this](auto const& a) { perform(a); }, action);
    }
}

void RankWorker::perform(StartTraining const&) {
    try {
        start_training();
    } catch (Error const& e) {
        abandon();
        feed(StartFailed{e.what()});
    }
}

void RankWorker::start_training() {
    make_run_directory(order_.run_dir);
    for (auto const& [path, content] : order_.files) {
        create_directories(std::filesystem::path(path).parent_path().string());
        write_file(path, content);
    }
    make_private_directory();
    TrainingSpec spec;
    spec.helper = site_.helper;
    spec.backend = located(order_.backend, order_.start_dir);
    spec.learner = located(order_.learner, order_.start_dir);
    spec.stop = located(order_.stop, order_.start_dir);
    spec.inherited = site_.environment;
    spec.variables = variables();
    spec.container = order_.container;
    spec.place = place_of(spec);
    spec.stdout_path = path_of("stdout.txt");
    spec.stderr_path = path_of("stderr.txt");
    spec.stop_signal = order_.stop_signal;
    spec.stop_grace = std::chrono::milliseconds(order_.stop_grace_ms);
    spec.cpu_list = format_cpu_list(order_.share.cpus);
    memory_.emplace(order_.memory_limit_mb);
    if (!memory_->why_watched().empty() && !std::exchange(told_of_watching_, true)) {
        log_warning("runner.memory_limit_mb: the kernel cannot hold a training to it here (" +
                    memory_->why_watched() +
                    "), so the use of memory is looked at once a second and a training that is "
                    "over the limit is killed");
    }
    spec.cgroup_procs = memory_->cgroup_procs();
    process_ = TrainingProcess::start(spec);
    if (order_.watch_ms > 0) {
        next_watch_ = clock_.now() + std::chrono::milliseconds(order_.watch_ms);
    }
}

/// Where an image's /tmp comes from.
void RankWorker::make_private_directory() {
    auto const bases = scratch_bases(order_.container);
    if (bases.empty()) return;
    if (!scratch_) scratch_.emplace(unique_name(), bases);
    run_scratch_ = scratch_->path() + "/" + directory_name(order_.key);
    create_directories(run_scratch_);
    if (::chmod(run_scratch_.c_str(), 01777) != 0) {
        throw posix_error(errno, "open to everybody", run_scratch_);
    }
}

void RankWorker::remove_private_directory() {
    std::error_code ignored;
    if (!run_scratch_.empty()) std::filesystem::remove_all(run_scratch_, ignored);
    run_scratch_.clear();
}

RunPlace RankWorker::place_of(TrainingSpec const& spec) const {
    RunPlace place;
    place.start_dir = order_.start_dir;
    place.working_dir = order_.working_dir;
    place.run_dir = order_.run_dir;
    place.scratch = run_scratch_;
    for (auto const* command : {&spec.backend, &spec.learner, &spec.stop}) {
        if (command->empty()) continue;
        auto const found = find_program(command->front(), search_path());
        if (!found) continue;
        // A script needs what lies beside it, and a link what it leads to.
        place.programs.push_back(*found);
        std::error_code ignored;
        auto const real = std::filesystem::canonical(*found, ignored);
        if (!ignored) place.programs.push_back(real.parent_path().string());
    }
    place.gpu = ::access("/dev/nvidiactl", F_OK) == 0;
    return place;
}

/// What the order adds to the rank's environment.
std::vector<std::string> RankWorker::variables() const {
    auto all = order_.variables;
    auto const add = [&](std::vector<std::string> const& more) {
        all.insert(all.end(), more.begin(), more.end());
    };
    auto const& share = order_.share;
    if (order_.set_threads) {
        add(thread_variables(site_.environment, share.threads, site_.allocation_cpus));
    }
    if (share.gpus_are_dealt) add(gpu_variables(site_.environment, share.gpus));
    return all;
}

void RankWorker::perform(StopTraining const&) {
    if (process_) process_->stop();
}

void RankWorker::perform(KillTraining const&) {
    if (process_) process_->kill();
}

void RankWorker::perform(LookForLife const&) {
    feed(LifeSeen{{size_of(path_of(order_.reward_file)), size_of(path_of("stdout.txt")),
                   size_of(path_of("stderr.txt"))}});
}

void RankWorker::perform(LookAtMemory const&) {
    if (memory_) feed(memory_->look());
}

CurveFacts RankWorker::read_curve(FileEnd end) const {
    AttemptFiles const files{order_.working_dir, order_.reward_file, order_.reward_column,
                             order_.checkpoints, order_.iteration_steps};
    return read_attempt_facts(files, order_.key, order_.base, end);
}

void RankWorker::perform(ReadCurve const&) { feed(CurveRead{read_curve(FileEnd::closed)}); }

void RankWorker::perform(ReportAttempt const& action) {
    AttemptReport report{action.record, {}};
    report.record.host = site_.host;
    report.record.cores = format_cpu_list(order_.share.cpus);
    report.record.gpus = order_.share.gpu_list();
    if (counts_as_failure(report.record.outcome)) {
        report.stderr_tail =
            lines_of(tail_of_file(path_of("stderr.txt"), stderr_tail_lines, stderr_tail_bytes));
    }
    report_(std::move(report));
}

void RankWorker::add_poll_fds(std::vector<pollfd>& fds) const {
    if (!process_) return;
    for (int const fd : process_->poll_fds()) {
        if (fd >= 0) fds.push_back({fd, POLLIN, 0});
    }
}

std::optional<TimePoint> RankWorker::deadline() const {
    auto const stop = supervisor_.deadline();
    if (!stop || !next_watch_) return stop ? stop : next_watch_;
    return std::min(*stop, *next_watch_);
}

void RankWorker::advance() {
    if (!process_) return;
    process_->on_readable();
    if (auto const& end = process_->end()) {
        auto facts = facts_of(*end);
        // What a container that did not start has to say stands there too.
        if (facts.end != TrainingFacts::End::not_started || end->program.empty()) {
            facts.last_stderr_line = last_line_of(
                tail_of_file(path_of("stderr.txt"), stderr_tail_lines, stderr_tail_bytes));
        }
        memory_->complete(facts);
        abandon();
        next_watch_.reset();
        feed(TrainingOver{std::move(facts)});
        return;
    }
    if (supervisor_.deadline() && clock_.now() >= *supervisor_.deadline()) feed(DeadlinePassed{});
    if (next_watch_ && clock_.now() >= *next_watch_) watch_curve();
}

void RankWorker::watch_curve() {
    next_watch_ = clock_.now() + std::chrono::milliseconds(order_.watch_ms);
    auto const facts = read_curve(FileEnd::torn);
    auto const* reward = std::get_if<RewardValue>(&facts.reward);
    StepsReport const steps{
        order_.key, facts.steps,
        reward == nullptr ? std::numeric_limits<double>::quiet_NaN() : reward->value, facts.done};
    if (steps.steps == last_steps_.steps) return;
    last_steps_ = steps;
    report_(steps);
}

}  // namespace reprise
