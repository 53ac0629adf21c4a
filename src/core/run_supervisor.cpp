#include "reprise/core/run_supervisor.hpp"

#include <limits>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {
namespace {

std::string with_last_line(std::string message, std::string const& last_stderr_line) {
    if (!last_stderr_line.empty()) message += ": " + last_stderr_line;
    return message;
}

/// How long a training may take to end; nothing: as long as its own grace is.
std::optional<Duration> grace_of(StopReason reason) {
    if (reason == StopReason::terminated) return terminated_grace;
    if (reason == StopReason::launcher_lost) return launcher_lost_grace;
    return std::nullopt;
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

}  // namespace

void judge(AttemptRecord& record, TrainingFacts const& training, CurveFacts const& curve,
           bool stop_asked, Ordered const& order) {
    using End = TrainingFacts::End;
    record.exit_code = training.exit_code;
    record.signal = training.signal;
    record.cpu_s = training.cpu_s;
    record.peak_memory_mb = training.peak_memory_mb;
    record.steps = curve.steps;

    bool const good_end = training.end == End::learner_ended && training.exit_code == 0;
    if (good_end) {
        judge_reward(record, curve, order);
    } else if (stop_asked && training.end != End::not_started) {
        // Whatever it said on its way out: it was told to go.
        record.outcome = AttemptOutcome::interrupted;
        record.message = "stopped in order";
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
    running_ = Running{event, now.unix_s, {}, {}, {}, 0.0};
    out.emplace_back(StartTraining{});
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
    running_->deadline.reset();
    out.emplace_back(ReadCurve{});
}

void RunSupervisor::on(CurveRead const& event, Instant, Actions& out) {
    REPRISE_EXPECT(running_ && running_->facts);
    auto record = record_of(*running_);
    judge(record, *running_->facts, event.facts, running_->stop.has_value(), running_->order);
    running_.reset();
    out.emplace_back(ReportAttempt{std::move(record)});
}

void RunSupervisor::on(StopAsked const& event, Instant now, Actions& out) {
    if (!running_ || running_->order.key != event.key || running_->facts) return;  // too late
    if (!running_->stop) out.emplace_back(StopTraining{});
    running_->stop = event.reason;
    if (auto const grace = grace_of(event.reason); grace && !running_->deadline) {
        running_->deadline = now.monotonic + *grace;
    }
}

void RunSupervisor::on(DeadlinePassed const&, Instant now, Actions& out) {
    if (!running_ || !running_->deadline || now.monotonic < *running_->deadline) return;
    running_->deadline.reset();
    out.emplace_back(KillTraining{});
}

}  // namespace reprise
