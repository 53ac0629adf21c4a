/// @file The shell around Dispatcher, on rank 0: carries out its decisions and feeds back what came
/// of them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/job_context.hpp"
#include "reprise/commands/server_voice.hpp"
#include "reprise/core/dispatcher.hpp"
#include "reprise/core/host_shares.hpp"
#include "reprise/protocol/rank_messages.hpp"
#include "reprise/results/results_store.hpp"

namespace reprise {

class Coordinator {
  public:
    /// @param facts what each rank may use of its host, by rank
    /// @param send hands a payload to a rank, 0 too. All references must outlive the coordinator.
    /// Throws InputError when a host has too few GPUs for what was asked for.
    Coordinator(JobContext const& context, ResultsStore& store, ServerVoice& voice,
                Clock const& clock, std::vector<HostFacts> const& facts,
                std::function<void(int rank, RankPayload)> send,
                std::function<void(int start_number)> start_recorded);

    /// @param host of rank 0
    void begin(std::string const& host, std::optional<Walltime> const& walltime);
    void take(int rank, RankPayload const& payload);
    void stop(StopReason reason);
    /// To be called when the deadline has come; harmless at other times.
    void tick();

    [[nodiscard]] std::optional<TimePoint> deadline() const { return dispatcher_.deadline(); }
    /// Once there is one nothing more will happen.
    [[nodiscard]] std::optional<Verdict> const& verdict() const noexcept { return verdict_; }
    [[nodiscard]] JobState const& state() const noexcept { return dispatcher_.state(); }

  private:
    void feed(DispatcherEvent event);
    void perform(StartAttempt const& action);
    void perform(StopAttempt const& action);
    void perform(Save const& action);
    void perform(SendProgress const& action);
    void perform(SendEarlyReport const& action);
    void perform(Note const& action);
    void perform(Finish const& action);
    [[nodiscard]] TrainingOrder order_for(StartAttempt const& action);
    void begin_from_model(StartAttempt const& action, TrainingOrder& order,
                          AttemptContext& attempt) const;
    void go_on_from_checkpoint(StartAttempt const& action, TrainingOrder& order,
                               AttemptContext& attempt);
    void take_shares(std::vector<DispatcherAction> const& actions);

    JobContext const& context_;
    ResultsStore& store_;
    ServerVoice& voice_;
    Clock const& clock_;
    std::function<void(int, RankPayload)> send_;
    std::function<void(int)> start_recorded_;
    HostShares shares_;
    std::map<int, RunShare> share_of_rank_;  ///< of the attempt that runs there, or ran last
    Dispatcher dispatcher_;
    std::deque<DispatcherEvent> events_;
    bool feeding_ = false;
    bool told_of_steps_ = false;
    std::optional<Verdict> verdict_;
};

/// Closes the books after the verdict: curves into the results file, and, when the job is done, the
/// files that cluster_utils' own client would have written. What fails here is a warning: the
/// rewards are on disk already.
void close_books(JobContext const& context, ResultsStore& store, Verdict const& verdict);

/// Lines that sum up where the sample stands.
[[nodiscard]] std::vector<std::string> summary(JobContext const& context, JobState const& state,
                                               Verdict const& verdict);

}  // namespace reprise
