/// @file A small world for the decisions of a job: ranks that train, a disk, a network between
/// ranks, a launcher, and everything that can go wrong with them, drawn from a seed. The world
/// keeps its own book of what really happened and holds the decisions against it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "reprise/core/checkpoints.hpp"
#include "reprise/core/dispatcher.hpp"
#include "reprise/core/run_supervisor.hpp"

namespace reprise::sim {

/// How likely things go wrong; each is switched off altogether for some seeds.
struct Faults {
    double attempt_fails = 0.0;     ///< of each training
    double quick_failures = 0.0;    ///< of these, share that fail at once with one message
    double start_crashes = 0.0;     ///< of each start: everything dies at some moment
    double launcher_dies = 0.0;     ///< of these: the launcher too, nobody records the loss
    double time_limit = 0.0;        ///< of each start
    double terminated = 0.0;        ///< of each start
    double save_fails = 0.0;        ///< of each save
    double repeated_reports = 0.0;  ///< of each report: it arrives twice
    double ignores_stop = 0.0;      ///< of each training: deaf to its stop signal
    double hangs = 0.0;             ///< of each training: falls silent and never ends
    double eats = 0.0;              ///< of each training: uses more memory than it may
};

/// What one start came to.
struct StartEnd {
    std::optional<Verdict> verdict;  ///< nothing: everything died
    bool orderly = false;
};

/// What the book says about the files of a part.
struct PartBook {
    struct Model {
        std::int64_t counter = 0;  ///< what its learner's counter said
        std::int64_t trained = 0;  ///< steps of the iteration that it really has behind it
        bool complete = false;
    };
    TrainingBase base;                ///< what the decisions made of it
    std::optional<int> went_on_from;  ///< part
    std::int64_t start = 0;           ///< of the learner's counter
    std::int64_t trained = 0;         ///< steps of the iteration behind it when it began
    std::int64_t asked = 0;           ///< steps that it was told to train
    std::int64_t began = 0;           ///< the attempt's counter when the iteration began
    std::vector<std::int64_t> rows;   ///< of its learning curve: the learner's counter
    std::vector<Model> checkpoints;
};

class JobWorld {
  public:
    explicit JobWorld(std::uint64_t seed);

    /// Starts the job again and again until it is done or has failed, with faults for so many
    /// starts and without them afterwards. Throws std::logic_error with the reason when the
    /// decisions contradict the book, or when the job does not come to an end.
    void run();

    /// Simulated seconds so far.
    [[nodiscard]] double days() const { return unix_s_ / 86400.0; }
    [[nodiscard]] int starts() const { return starts_; }
    [[nodiscard]] std::string describe() const;

  private:
    struct Happening {
        double at = 0.0;
        std::uint64_t order = 0;
        std::function<void()> what;
        bool operator<(Happening const& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    /// What the book says about a training that ran.
    struct Entry {
        AttemptOutcome truth = AttemptOutcome::none;
        double reward = 0.0;
        std::int64_t steps = 0;
        double start = 0.0;
        bool durable = false;
    };
    struct RankState {
        RunSupervisor supervisor;
        std::int64_t seed = 0;
        std::uint64_t training = 0;  ///< counts trainings, so that late ends are recognised
        bool deaf = false;
        // The book of the training that runs.
        double start = 0.0;
        double silent_from = 0.0;  ///< until then it writes now and then
        double writes_every = 1.0;
        double eats_from = 0.0;
        bool stop_asked = false;  ///< by the job, before any limit was reached
        bool told_to_stop = false;
        AttemptOutcome over_limit = AttemptOutcome::none;
    };

    [[nodiscard]] bool chance(double probability);
    [[nodiscard]] double between(double low, double high);
    [[nodiscard]] int pick(int low, int high);
    void check(bool holds, std::string const& what) const;
    void at(double seconds_from_now, std::function<void()> what);
    [[nodiscard]] Instant now() const;

    StartEnd one_start(int ranks);
    void plan_faults();
    void feed(DispatcherEvent const& event);
    void perform(StartAttempt const& action);
    void perform(StopAttempt const& action);
    void perform(Save const& action);
    void perform(SendProgress const& action);
    void perform(SendEarlyReport const& action);
    void perform(Note const&) {}
    void perform(Finish const& action);
    void save(Save const& action);
    void feed_rank(int rank, SupervisorEvent const& event);
    void perform_on(int rank, StartTraining const&);
    void perform_on(int rank, StopTraining const&);
    void perform_on(int rank, KillTraining const&);
    void perform_on(int rank, LookForLife const&);
    void perform_on(int rank, LookAtMemory const&);
    void perform_on(int rank, ReadCurve const&);
    void perform_on(int rank, ReportAttempt const& action);
    void draw_limits();
    void plan_excesses(int rank, double& length);
    [[nodiscard]] double last_sign_of(RankState const& state) const;
    [[nodiscard]] bool uses_too_much(RankState const& state) const;
    void blame_limit(RankState& state, bool killed);
    void check_outcome(RankState const& state, TrainingFacts const& facts,
                       AttemptRecord const& record) const;
    void training_ends(int rank, std::uint64_t training, TrainingFacts const& facts);
    [[nodiscard]] std::vector<LeftoverAttempt> leftovers() const;
    void record_loss();
    void check_done(Verdict const& verdict) const;
    void check_failed(Verdict const& verdict) const;
    [[nodiscard]] int failures_in_book(int run) const;

    // Checkpoints (job_world_checkpoints.cpp).
    void draw_checkpoints();
    /// Returns the attempt's counter when it goes on from a checkpoint, else 0.
    std::int64_t begin_part(AttemptKey const& key);
    void go_on(AttemptKey const& key, PartBook& part);
    void plan_steps(int rank, double length);
    void make_row(int rank, AttemptKey const& key, std::int64_t own_steps);
    void orphan_goes_on(AttemptKey const& key);
    [[nodiscard]] PartFiles files_of(AttemptKey const& key) const;
    [[nodiscard]] StepScale scale_of(AttemptKey const& key) const;
    void part_succeeds(AttemptRecord const& row);
    void check_curve(AttemptKey const& key) const;

    // The time (job_world_time.cpp).
    void draw_time();
    std::optional<Walltime> begin_time();
    double length_of(AttemptKey const& key);
    [[nodiscard]] std::string model_of(AttemptKey key) const;
    void check_time_of(StartAttempt const& action);
    void learn_length(AttemptRecord const& row);
    void check_end_of_time(Verdict const& verdict);
    void check_too_short() const;
    bool gives_more_time();
    [[nodiscard]] int idle_ranks() const;

    std::mt19937_64 random_;
    std::uint64_t seed_;
    JobPlan plan_;
    RunLimits limits_;
    bool kernel_watches_memory_ = false;
    Faults faults_;
    Faults drawn_;  ///< what faults_ was before it was switched off
    double unix_s_ = 0.0;
    std::uint64_t order_ = 0;
    int starts_ = 0;
    int faulty_starts_ = 0;
    bool common_mistake_ = false;  ///< quick failures all say the same

    History disk_;
    std::map<AttemptKey, Entry> book_;
    std::map<AttemptKey, PartBook> parts_;
    std::map<int, std::int64_t> model_counter_;  ///< by learning run: of its last model
    bool counts_on_ = true;                      ///< how learners count after they loaded a model
    std::int64_t checkpoint_every_ = 500;
    std::int64_t row_every_ = 200;
    double time_s_ = 0.0;  ///< of each start; 0: no end
    double margin_s_ = 0.0;
    std::map<AttemptKey, double> lengths_;  ///< seconds that an attempt takes; by part 0
    std::optional<double> shortest_;        ///< seconds, of the iterations that succeeded
    std::optional<double> longest_;
    std::set<std::int64_t> seeds_;
    int early_reports_ = 0;
    double announced_progress_ = 0.0;

    // Of the start under way.
    std::optional<Dispatcher> dispatcher_;
    std::vector<RankState> ranks_;
    std::priority_queue<Happening> happenings_;
    std::optional<Verdict> verdict_;
    std::map<int, std::int64_t> last_curve_;
    std::map<int, TrainingFacts> last_end_;  ///< by rank
    int first_iteration_ = 0;  ///< that some learning run had still to do when it began
    std::optional<Walltime> walltime_;
    std::map<int, int> trainings_of_rank_;
    std::map<int, int> trainings_of_run_;
    bool stop_asked_ = false;
    bool crashed_ = false;
    bool disk_full_ = false;
    /// A row of a curve was written in this start. A training that has ended well without one (few
    /// steps were left) counts when it is saved: until then nobody can see it.
    bool step_made_ = false;
    bool start_row_durable_ = false;
    std::set<int> trained_now_;  ///< learning runs that train at this moment
};

}  // namespace reprise::sim
