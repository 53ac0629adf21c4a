#include "reprise/core/run_supervisor.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/core/number_text.hpp"

namespace reprise {
namespace {

std::string with_last_line(std::string message, std::string const& last_stderr_line) {
    if (!last_stderr_line.empty()) message += ": " + last_stderr_line;
    return message;
}

/// How long a training may take to end; nothing: as long as its own grace is.
std::optional<Duration> grace_of(StopAsked const& stop) {
    if (stop.reason == StopReason::terminated) return terminated_grace;
    if (stop.reason == StopReason::launcher_lost) return launcher_lost_grace;
    return stop.kill_after;
}

void judge_reward(AttemptRecord& record, CurveFacts const& curve, Ordered const& order) {
    auto const no_reward = [&](std::string const& what) {
        record.outcome = AttemptOutcome::no_reward;
        record.message = what;
    };
    if (!curve.file_found) {
        no_reward("ended with exit code 0 but wrote no " + order.reward_file);
        return;
    }
    auto const column = "column " + order.reward_column;
    std::visit(
        Overloaded{
            [&](RewardValue const& reward) {
                record.outcome = AttemptOutcome::succeeded;
                record.reward = reward.value;
                record.steps = std::max(record.steps, order.steps_before);
            },
            [&](RewardColumnMissing const&) { no_reward(order.reward_file + " has no " + column); },
            [&](RewardHasNoValue const&) {
                no_reward(order.reward_file + " has no value in " + column);
            },
            [&](RewardNotFinite const& reward) {
                record.outcome = AttemptOutcome::reward_not_finite;
                record.message =
                    order.reward_file + " ends with '" + reward.text + "' in " + column;
            },
        },
        curve.reward);
}

std::string seconds(Duration duration) {
    return number_text(std::chrono::duration<double>(duration).count()) + " s";
}

std::string over_memory_limit(std::string const& what, RunLimits const& limits) {
    return "out of memory: " + what + " " + std::to_string(limits.memory_mb) +
           " MiB (runner.memory_limit_mb)";
}

/// The kernel chooses whom it kills: for certain it was this training where its own limit was
/// reached or it ended by that very signal, which nobody here has sent.
bool ended_for_want_of_memory(TrainingFacts const& training) {
    constexpr int sigkill = 9;
    constexpr int exit_code_of_shells = 128 + sigkill;  // when what they ran was killed
    if (training.out_of_memory == OutOfMemory::in_run) return true;
    using End = TrainingFacts::End;
    bool const killed = training.end == End::helper_lost ||
                        (training.end != End::stopped &&
                         (training.signal == sigkill || training.exit_code == exit_code_of_shells));
    return training.out_of_memory == OutOfMemory::in_job && killed;
}

void judge_want_of_memory(AttemptRecord& record, TrainingFacts const& training,
                          RunLimits const& limits) {
    record.outcome = AttemptOutcome::out_of_memory;
    bool const own_limit = training.out_of_memory == OutOfMemory::in_run;
    record.message = own_limit ? over_memory_limit("needed more than", limits)
                               : "out of memory: the kernel killed it, because the job or its host "
                                 "had none left. Ask for more, or train fewer at once "
                                 "(runner.ranks)";
}

Duration life_interval(Duration stall) {
    return std::clamp(stall / 10, shortest_life_interval, longest_life_interval);
}

}  // namespace

void judge(AttemptRecord& record, TrainingFacts const& training, CurveFacts const& curve,
           bool stop_asked, std::optional<ExceededLimit> const& exceeded, Ordered const& order) {
    using End = TrainingFacts::End;
    record.exit_code = training.exit_code;
    record.signal = training.signal;
    record.cpu_s = training.cpu_s;
    record.peak_memory_mb = training.peak_memory_mb;
    record.steps = curve.steps;

    bool const good_end = training.end == End::learner_ended && training.exit_code == 0;
    if (good_end) {
        judge_reward(record, curve, order);
    } else if (exceeded && training.end != End::not_started) {
        record.outcome = exceeded->outcome;
        record.message = exceeded->message;
    } else if (stop_asked && training.end != End::not_started) {
        // Whatever it said on its way out: it was told to go.
        record.outcome = AttemptOutcome::interrupted;
        record.message = "stopped in order";
    } else if (ended_for_want_of_memory(training)) {
        judge_want_of_memory(record, training, order.limits);
    } else {
        record.outcome = training.end == End::backend_died  ? AttemptOutcome::backend_died
                         : training.end == End::not_started ? AttemptOutcome::not_started
                                                            : AttemptOutcome::learner_failed;
        record.message = with_last_line(training.message, training.last_stderr_line);
    }
}

std::vector<SupervisorAction> RunSupervisor::handle(SupervisorEvent const& event, Instant now) {
    Actions out;
    std::visit([&](auto const& e) { on(e, now, out); }, event);
    return out;
}

AttemptRecord RunSupervisor::record_of(Running const& running) {
    AttemptRecord record;
    record.key = running.order.key;
    record.seed = running.order.seed;
    record.reward = std::numeric_limits<double>::quiet_NaN();
    record.start = running.start;
    record.end = running.end;
    record.loaded_from = running.order.loaded_from;
    return record;
}

void RunSupervisor::on(Ordered const& event, Instant now, Actions& out) {
    REPRISE_EXPECT(!running_);
    Running running;
    running.order = event;
    running.start = now.unix_s;
    running.signs_seen_at = now.monotonic;
    auto const& limits = event.limits;
    auto const none = Duration::zero();
    if (limits.run_time > none) running.time_limit_at = now.monotonic + limits.run_time;
    if (limits.stall > none) running.life_look_at = now.monotonic + life_interval(limits.stall);
    if (limits.memory_mb > 0) running.memory_look_at = now.monotonic + memory_look_interval;
    running_ = std::move(running);
    out.emplace_back(StartTraining{});
}

std::optional<TimePoint> RunSupervisor::deadline() const noexcept {
    std::optional<TimePoint> first;
    if (!running_) return first;
    for (auto const& when : {running_->kill_at, running_->time_limit_at, running_->life_look_at,
                             running_->memory_look_at}) {
        if (when && (!first || *when < *first)) first = when;
    }
    return first;
}

void RunSupervisor::on(StartFailed const& event, Instant now, Actions& out) {
    REPRISE_EXPECT(running_ && !running_->facts);
    running_->end = now.unix_s;
    auto record = record_of(*running_);
    record.outcome = AttemptOutcome::not_started;
    record.message = event.what;
    running_.reset();
    out.emplace_back(ReportAttempt{std::move(record)});
}

void RunSupervisor::on(TrainingOver const& event, Instant now, Actions& out) {
    REPRISE_EXPECT(running_ && !running_->facts);
    running_->facts = event.facts;
    running_->end = now.unix_s;
    running_->kill_at.reset();
    running_->time_limit_at.reset();
    running_->life_look_at.reset();
    running_->memory_look_at.reset();
    out.emplace_back(ReadCurve{});
}

void RunSupervisor::on(CurveRead const& event, Instant, Actions& out) {
    REPRISE_EXPECT(running_ && running_->facts);
    auto record = record_of(*running_);
    judge(record, *running_->facts, event.facts, running_->stop.has_value(), running_->exceeded,
          running_->order);
    running_.reset();
    out.emplace_back(ReportAttempt{std::move(record)});
}

void RunSupervisor::on(StopAsked const& event, Instant now, Actions& out) {
    if (!running_ || running_->order.key != event.key || running_->facts) return;  // too late
    if (!running_->stop && !running_->exceeded) out.emplace_back(StopTraining{});
    running_->stop = event.reason;
    running_->time_limit_at.reset();
    running_->life_look_at.reset();
    if (auto const grace = grace_of(event)) {
        auto const when = now.monotonic + *grace;
        running_->kill_at = std::min(running_->kill_at.value_or(when), when);
    }
}

// A rank that was suspended together with its training, or held up by a slow disk, must not take
// its own absence for the training's: between two looks no more than twice the interval counts.
void RunSupervisor::on(LifeSeen const& event, Instant now, Actions& out) {
    if (!running_ || running_->facts || !running_->life_look_at) return;
    auto const timeout = running_->order.limits.stall;
    auto const interval = life_interval(timeout);
    auto const passed = std::min(now.monotonic - running_->signs_seen_at, 2 * interval);
    running_->quiet = event.signs == running_->signs ? running_->quiet + passed : Duration::zero();
    running_->signs = event.signs;
    running_->signs_seen_at = now.monotonic;
    if (running_->quiet < timeout) {
        running_->life_look_at = now.monotonic + std::min(interval, timeout - running_->quiet);
        return;
    }
    exceed({AttemptOutcome::stalled, "no new line in " + running_->order.reward_file +
                                         " and no output for " + seconds(timeout) +
                                         " (runner.stall_timeout_s)"},
           now, out);
}

void RunSupervisor::on(MemorySeen const& event, Instant now, Actions& out) {
    if (!running_ || running_->facts || !running_->memory_look_at) return;
    running_->memory_look_at = now.monotonic + memory_look_interval;
    auto const& limits = running_->order.limits;
    if (event.process_killed) {
        exceed({AttemptOutcome::out_of_memory, over_memory_limit("needed more than", limits)}, now,
               out);
    } else if (event.used_mb > static_cast<double>(limits.memory_mb)) {
        exceed({AttemptOutcome::out_of_memory,
                over_memory_limit("used " + number_text(std::ceil(event.used_mb)) + " of", limits)},
               now, out);
    }
}

/// The first limit counts, and none once the job wants the training to end.
void RunSupervisor::exceed(ExceededLimit limit, Instant now, Actions& out) {
    bool const memory = limit.outcome == AttemptOutcome::out_of_memory;
    if (!running_->stop && !running_->exceeded) running_->exceeded = std::move(limit);
    running_->time_limit_at.reset();
    running_->life_look_at.reset();
    if (memory) {
        // Others are in need now: no grace. The second kill is for a helper that does not answer.
        running_->memory_look_at.reset();
        out.emplace_back(KillTraining{});
    } else {
        out.emplace_back(StopTraining{});
    }
    auto const grace = memory ? Duration::zero() : 2 * running_->order.limits.stop_grace;
    auto const when = now.monotonic + grace + limit_patience;
    running_->kill_at = std::min(running_->kill_at.value_or(when), when);
}

void RunSupervisor::on(DeadlinePassed const&, Instant now, Actions& out) {
    if (!running_) return;
    auto const due = [&](std::optional<TimePoint> const& when) {
        return when && now.monotonic >= *when;
    };
    if (due(running_->kill_at)) {
        running_->kill_at.reset();
        out.emplace_back(KillTraining{});
    }
    if (due(running_->time_limit_at)) {
        exceed({AttemptOutcome::time_limit_exceeded, "ran longer than " +
                                                         seconds(running_->order.limits.run_time) +
                                                         " (runner.run_time_limit_s)"},
               now, out);
    }
    if (due(running_->life_look_at)) {
        // Should the answer not come, another look is due.
        running_->life_look_at = now.monotonic + life_interval(running_->order.limits.stall);
        out.emplace_back(LookForLife{});
    }
    if (due(running_->memory_look_at)) {
        running_->memory_look_at = now.monotonic + memory_look_interval;
        out.emplace_back(LookAtMemory{});
    }
}

}  // namespace reprise
