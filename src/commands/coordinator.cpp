#include "reprise/commands/coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "reprise/commands/curve_files.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/core/error.hpp"
#include "reprise/core/number_text.hpp"
#include "reprise/parameters/client_files.hpp"
#include "reprise/parameters/command_template.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/host.hpp"

namespace reprise {
namespace {

/// How often a training's curve is read while it runs, when early reports need it.
constexpr std::int64_t watch_interval_ms = 2000;

ShareOptions share_options(JobContext const& context) {
    auto const& runner = context.spec.runner;
    ShareOptions options;
    options.split_cores = runner.split_cores;
    options.deal_gpus = runner.deal_gpus;
    options.gpus_per_run = runner.gpus_per_run;
    options.learning_runs = context.plan.learning_runs;
    return options;
}

/// A helper needs up to twice the grace: for the learner, and for the backend.
StopLimits stop_limits(RunnerOptions const& runner) {
    auto const seconds = [](double number) {
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
    };
    StopLimits limits;
    limits.otherwise = std::max(limits.otherwise, seconds(2.0 * runner.stop_grace_s + 10.0));
    limits.announced = seconds(
        runner.stop_margin_s.value_or(default_stop_margin_s(runner.stop_grace_s, std::nullopt)));
    return limits;
}

/// For the log: what the attempt runs on.
std::string describe(RunShare const& share) {
    auto text = ", CPUs " + format_cpu_list(share.cpus);
    if (share.gpus_are_dealt) {
        text += (share.gpus.size() == 1 ? ", GPU " : ", GPUs ") + share.gpu_list();
    }
    return text;
}

std::int64_t milliseconds_of(double seconds) {
    return static_cast<std::int64_t>(std::ceil(seconds * 1000.0));
}

std::string rank_name(int rank) { return "rank " + std::to_string(rank); }

}  // namespace

Coordinator::Coordinator(JobContext const& context, ResultsStore& store, ServerVoice& voice,
                         Clock const& clock, std::vector<HostFacts> const& facts,
                         std::function<void(int, RankPayload)> send,
                         std::function<void(int)> start_recorded)
    : context_(context),
      store_(store),
      voice_(voice),
      clock_(clock),
      send_(std::move(send)),
      start_recorded_(std::move(start_recorded)),
      shares_(facts, share_options(context)),
      dispatcher_(context.plan, store.load_history(), context.ranks,
                  stop_limits(context.spec.runner)) {}

void Coordinator::begin(std::string const& host, std::optional<Walltime> const& walltime) {
    for (auto const& line : shares_.describe()) log_info(line);
    feed(Begin{find_leftovers(context_.attempt_files(), dispatcher_.state()), host, walltime});
}

void Coordinator::take(int rank, RankPayload const& payload) {
    if (auto const* report = std::get_if<AttemptReport>(&payload)) {
        shares_.give_back(rank);
        feed(AttemptEnded{rank, report->record, report->stderr_tail});
    } else if (auto const* steps = std::get_if<StepsReport>(&payload)) {
        feed(StepsMade{rank, steps->key, steps->steps, steps->reward, steps->done});
    } else {
        throw ContractViolation("rank " + std::to_string(rank) + " sent what only rank 0 sends");
    }
}

void Coordinator::stop(StopReason reason) { feed(StopRequested{reason}); }

void Coordinator::tick() {
    if (deadline() && clock_.now() >= *deadline()) feed(Tick{});
}

/// Actions answer with events of their own (Saved), so they go through one queue.
void Coordinator::feed(DispatcherEvent event) {
    events_.push_back(std::move(event));
    if (feeding_) return;
    feeding_ = true;
    while (!events_.empty()) {
        auto const next = std::move(events_.front());
        events_.pop_front();
        auto const actions = dispatcher_.handle(next, {clock_.now(), clock_.unix_time()});
        take_shares(actions);
        for (auto const& action : actions) {
            std::visit([this](auto const& a) { perform(a); }, action);
        }
    }
    feeding_ = false;
}

/// Attempts that start at one moment divide what is free among themselves.
void Coordinator::take_shares(std::vector<DispatcherAction> const& actions) {
    std::vector<int> ranks;
    for (auto const& action : actions) {
        if (auto const* start = std::get_if<StartAttempt>(&action)) ranks.push_back(start->rank);
    }
    auto const shares = shares_.take(ranks);
    for (std::size_t i = 0; i < ranks.size(); ++i) share_of_rank_[ranks[i]] = shares[i];
}

/// What an iteration begins with: the model of the one before, if any.
void Coordinator::begin_from_model(StartAttempt const& action, TrainingOrder& order,
                                   AttemptContext& attempt) const {
    if (!action.loaded_from) return;
    attempt.load_path = context_.working_dir + "/" + directory_name(*action.loaded_from) + "/" +
                        context_.spec.learner.model;
    order.loaded_from = directory_name(*action.loaded_from);
    auto const& run = dispatcher_.state().runs()[static_cast<std::size_t>(action.key.learning_run)];
    order.base.counter = run.steps;
    order.base.expected = run.expected_steps;
}

/// What a part begins with where an earlier one has left a checkpoint.
void Coordinator::go_on_from_checkpoint(StartAttempt const& action, TrainingOrder& order,
                                        AttemptContext& attempt) {
    auto const files = context_.attempt_files();
    if (action.loaded_from && !counts_steps(files, *action.loaded_from)) {
        order.base.counter = TrainingBase::unknown;  // its rows were counted instead
    }
    auto const found = find_continuation(files, action.key, order.base);
    auto const who = rank_name(action.rank);
    for (auto const& path : found.torn) {
        log(LogLevel::warning, "'" + path + "' is not complete, so an older checkpoint counts",
            who);
    }
    if (!found.continuation) return;
    auto const& next = *found.continuation;
    auto earlier = action.key;
    earlier.part = next.part;
    auto const pattern = CheckpointPattern::parse(files.checkpoints);
    attempt.load_path = pattern->as_load_path(files.run_dir(earlier) + "/" + next.checkpoint,
                                              context_.spec.learner.model);
    attempt.steps_left = next.left;
    order.base = next.base;
    order.loaded_from = directory_name(earlier);
    order.files.emplace_back(files.run_dir(action.key) + "/" + continuation_file,
                             continuation_text(next));
    log(LogLevel::info,
        directory_name(action.key) + " has " + std::to_string(next.base.done) +
            " steps behind it, by '" + next.checkpoint + "' of " + order.loaded_from +
            (next.left > 0 ? "; " + std::to_string(next.left) + " are left" : ""),
        who);
    if (next.left == 0 && !std::exchange(told_of_steps_, true)) {
        log_warning(
            "trainings that go on from a checkpoint are asked for all their steps again, since "
            "nothing says how many they have. Name the place by learner.steps_parameter");
    }
}

TrainingOrder Coordinator::order_for(StartAttempt const& action) {
    auto const& learner = context_.spec.learner;
    AttemptContext attempt;
    attempt.key = action.key;
    attempt.working_dir = context_.working_dir;
    attempt.seed = action.seed;
    TrainingOrder order;
    begin_from_model(action, order, attempt);
    auto run = context_.configuration.for_attempt(attempt);
    // A model that the user gave: nobody knows what its counter says.
    bool const given = order.loaded_from.empty() && !run.context.load_path.empty();
    if (given) order.base.counter = TrainingBase::unknown;
    if (action.key.part > 0 && context_.plan.checkpoints) {
        go_on_from_checkpoint(action, order, attempt);
        if (order.base.goes_on) run = context_.configuration.for_attempt(attempt);
    }
    attempt = run.context;  // with the seed that the configuration insists on

    order.key = action.key;
    order.seed = attempt.seed;
    order.run_dir = attempt.run_dir();
    order.start_dir = context_.start_dir;
    order.working_dir = context_.working_dir;
    order.container = context_.container;
    for (auto const& file : run.files) order.files.emplace_back(file.path, file.content);
    order.backend = expand_command(learner.backend, attempt);
    order.learner = expand_command(learner.command, attempt);
    order.stop = expand_command(learner.stop, attempt);
    for (auto const& [name, value] : attempt_environment(attempt)) {
        order.variables.push_back(name + "=" + value);
    }
    // As in the system that Reprise replaces, which had images of both kinds in mind.
    for (auto const* prefix : {"", "SINGULARITYENV_", "APPTAINERENV_"}) {
        order.variables.push_back(std::string(prefix) + "DBG_NAN_SNAPSHOT_DIR=" +
                                  context_.working_dir + "/nan_snapshots");
    }
    order.reward_file = learner.reward_file;
    order.reward_column = learner.reward_column;
    order.stop_signal = context_.stop_signal;
    order.stop_grace_ms = static_cast<std::int64_t>(context_.spec.runner.stop_grace_s * 1000.0);
    order.share = share_of_rank_.at(action.rank);
    order.set_threads = context_.spec.runner.set_threads;
    order.watch_ms = context_.plan.early_reports > 0 ? watch_interval_ms : 0;
    auto const& runner = context_.spec.runner;
    order.run_time_limit_ms = milliseconds_of(runner.run_time_limit_s);
    order.stall_timeout_ms = milliseconds_of(runner.stall_timeout_s);
    order.memory_limit_mb = runner.memory_limit_mb;
    order.iteration_steps = context_.plan.steps_per_iteration;
    order.checkpoints = learner.checkpoints;
    return order;
}

void Coordinator::perform(StartAttempt const& action) {
    auto order = order_for(action);
    log(LogLevel::info,
        directory_name(action.key) + " starts, seed " + std::to_string(order.seed) +
            (order.loaded_from.empty() ? "" : ", continues " + order.loaded_from) +
            describe(order.share),
        rank_name(action.rank));
    send_(action.rank, std::move(order));
}

void Coordinator::perform(StopAttempt const& action) {
    log(LogLevel::info, directory_name(action.key) + " is asked to end", rank_name(action.rank));
    StopOrder order{action.key, action.reason};
    if (action.kill_after) {
        order.kill_after_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(*action.kill_after).count();
    }
    send_(action.rank, order);
}

void Coordinator::perform(Save const& action) {
    try {
        for (auto const& row : action.starts) store_.write(row);
        if (!action.attempts.empty()) store_.append(action.attempts);
    } catch (Error const& e) {
        log_error(e.what());
        events_.emplace_back(SaveFailed{action.generation, e.what()});
        return;
    }
    for (auto const& row : action.starts) {
        if (row.outcome == StartOutcome::running) start_recorded_(row.number);
    }
    events_.emplace_back(Saved{action.generation});
}

void Coordinator::perform(SendProgress const& action) {
    voice_.progress(action.fraction);
    log_info("progress: " + number_text(100.0 * action.fraction) + " % of all training iterations");
}

void Coordinator::perform(SendEarlyReport const& action) {
    voice_.early_report(action.metrics);
    log_info("early report: " + action.metrics.front().first + " " +
             number_text(action.metrics.front().second));
}

void Coordinator::perform(Note const& action) {
    auto const level = action.level == Note::Level::warning ? LogLevel::warning : LogLevel::info;
    log(level, action.key ? directory_name(*action.key) + " " + action.text : action.text,
        rank_name(action.rank));
}

void Coordinator::perform(Finish const& action) { verdict_ = action.verdict; }

void close_books(JobContext const& context, ResultsStore& store, Verdict const& verdict) {
    // Five seconds after a TERM everything is gone: the next start adds the curves.
    if (verdict.kind == VerdictKind::terminated) return;
    auto const warn_of_failure = [](std::string const& what, auto const& task) {
        try {
            task();
        } catch (Error const& e) {
            log_warning(what + ": " + e.what());
        }
    };
    auto const files = context.attempt_files();
    warn_of_failure("learning curves are missing in the results file", [&] {
        store.seal([&](AttemptKey const& key) { return read_attempt_curve(files, key); });
    });
    if (verdict.kind != VerdictKind::done) return;
    nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
    for (auto const& [name, value] : verdict.metrics) metrics[name] = value;
    warn_of_failure("the result is safe, but a file for cluster_utils is missing", [&] {
        write_durably(context.working_dir + "/param_choice.csv",
                      param_choice_csv(context.parameters));
        write_durably(context.working_dir + "/metrics.csv", metrics_csv(metrics));
    });
}

std::vector<std::string> summary(JobContext const& context, JobState const& state,
                                 Verdict const& verdict) {
    std::vector<std::string> lines;
    std::string numbers;
    for (auto const& [name, value] : verdict.metrics) {
        numbers += (numbers.empty() ? "" : ", ") + name + " " + number_text(value);
    }
    if (verdict.kind == VerdictKind::done) lines.push_back("done: " + numbers);
    for (std::size_t i = 0; i < state.runs().size(); ++i) {
        auto const& run = state.runs()[i];
        std::string line =
            "learning run " + std::to_string(i) + ": " + std::to_string(run.iterations_done) +
            " of " + std::to_string(state.plan().training_iterations) + " training iterations";
        if (run.last_success) line += ", reward " + number_text(run.last_reward);
        if (run.failed_attempts > 0) {
            line += ", " + std::to_string(run.failed_attempts) + " failed attempt" +
                    (run.failed_attempts == 1 ? "" : "s");
        }
        lines.push_back(std::move(line));
    }
    lines.push_back("results: " + context.results_path);
    return lines;
}

}  // namespace reprise
