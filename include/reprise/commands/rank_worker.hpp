/// @file The shell around RunSupervisor: makes an attempt's directory, starts its processes, reads
/// what they left, reports. Every rank has one, rank 0 too.
#pragma once

#include <poll.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/run_memory.hpp"
#include "reprise/commands/scratch_directory.hpp"
#include "reprise/container/training_process.hpp"
#include "reprise/core/run_supervisor.hpp"
#include "reprise/protocol/rank_messages.hpp"

namespace reprise {

/// Where a worker works.
struct WorkerSite {
    std::string host;
    int allocation_cpus = 1;               ///< CPUs that the job has on this host
    std::string helper;                    ///< path of reprise-run-helper
    std::vector<std::string> environment;  ///< that trainings inherit, "NAME=value"
};

class RankWorker {
  public:
    /// @param report called with AttemptReport and StepsReport; the clock must outlive the worker
    RankWorker(WorkerSite site, Clock const& clock, std::function<void(RankPayload)> report);

    /// Expects idle().
    void take(TrainingOrder order);
    void stop(StopOrder const& order);
    /// Kills what runs, at once and without a report.
    void abandon();

    [[nodiscard]] bool idle() const noexcept { return supervisor_.idle(); }
    /// The attempt that runs.
    [[nodiscard]] std::optional<AttemptKey> key() const { return supervisor_.key(); }
    /// Adds what to wait for.
    void add_poll_fds(std::vector<pollfd>& fds) const;
    /// When advance() must be called at the latest.
    [[nodiscard]] std::optional<TimePoint> deadline() const;
    /// To be called when a descriptor is ready or the deadline has come; harmless at other times.
    void advance();

  private:
    void feed(SupervisorEvent const& event);
    void perform(StartTraining const&);
    void perform(StopTraining const&);
    void perform(KillTraining const&);
    void perform(LookForLife const&);
    void perform(LookAtMemory const&);
    void perform(ReadCurve const&);
    void perform(ReportAttempt const& action);
    void start_training();
    void make_private_directory();
    void remove_private_directory();
    [[nodiscard]] RunPlace place_of(TrainingSpec const& spec) const;
    [[nodiscard]] std::vector<std::string> variables() const;
    [[nodiscard]] Instant now() const;
    [[nodiscard]] std::string path_of(std::string const& name) const;
    void watch_curve();
    [[nodiscard]] CurveFacts read_curve(FileEnd end) const;

    WorkerSite site_;
    Clock const& clock_;
    std::function<void(RankPayload)> report_;
    RunSupervisor supervisor_;
    TrainingOrder order_;
    std::optional<ScratchDirectory> scratch_;  ///< once an image needs it
    std::string run_scratch_;                  ///< of the attempt that runs; may be empty
    std::optional<RunMemory> memory_;          ///< of process_; outlives it
    std::optional<TrainingProcess> process_;
    std::optional<TimePoint> next_watch_;
    StepsReport last_steps_;
    bool told_of_watching_ = false;
};

}  // namespace reprise
