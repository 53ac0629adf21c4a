/// @file When the job's time is over, and what the rows of attempts tell about how long a training
/// iteration takes. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/doors.hpp"

namespace reprise {

/// The time that this start of the job has. In seconds since the epoch, as clusters tell it.
struct Walltime {
    double begin_s = 0.0;   ///< when the launcher was started
    double end_s = 0.0;     ///< when the job must have left
    double margin_s = 0.0;  ///< before the end: trainings are stopped, >= 0

    /// When trainings are stopped.
    [[nodiscard]] double stop_s() const noexcept { return end_s - margin_s; }

    friend bool operator==(Walltime const&, Walltime const&) = default;
};

/// runner.stop_margin_s where it is not given: a minute and the grace of a training, but no more
/// than a tenth of the whole time. Without an end (USR1 alone tells it) the former.
[[nodiscard]] double default_stop_margin_s(double grace_s, std::optional<double> whole_s);

/// What must be left of the margin when the last training has ended: to save, to close the books,
/// to end mpirun, to say the last word. Half of the margin, but no more than 10 s.
[[nodiscard]] Duration time_to_leave(Duration margin);

/// Whether a signal at this moment came because the job's time was over: batch systems look at the
/// clock now and then only, and clocks differ a little.
[[nodiscard]] bool at_known_end(std::optional<Walltime> const& walltime, double now_s);

/// Whether this part went on from a checkpoint of an earlier part of its attempt.
[[nodiscard]] bool goes_on(AttemptRecord const& row);

/// How long training iterations take, from the rows of this sample.
class IterationTimes {
  public:
    /// @param checkpoints whether a part may go on from a checkpoint of the one before
    explicit IterationTimes(bool checkpoints = false) : checkpoints_(checkpoints) {}

    void add(AttemptRecord const& row);

    /// Seconds of the shortest and the longest iteration that succeeded, over all parts that
    /// counted; nothing: none has.
    [[nodiscard]] std::optional<double> shortest() const noexcept { return shortest_; }
    [[nodiscard]] std::optional<double> longest() const noexcept { return longest_; }
    /// The longest time, in seconds, after which a training that was stopped in order had not
    /// ended, and that was lost; 0: none was.
    [[nodiscard]] double longest_cut() const noexcept { return longest_cut_; }
    /// The same of one start; 0: none was.
    [[nodiscard]] double longest_cut_in(int start_number) const;
    /// Seconds that went into the attempt of this learning run that is due, if it can go on.
    [[nodiscard]] double spent(int learning_run) const;
    /// The newest start that has brought the sample further, or may have: a training ended by
    /// itself, well or not, or went on from a checkpoint of the part before and may have left
    /// another one, or was the first part; -1: none.
    [[nodiscard]] int last_fruitful_start() const noexcept { return last_fruitful_start_; }

  private:
    bool checkpoints_;
    std::optional<double> shortest_;
    std::optional<double> longest_;
    double longest_cut_ = 0.0;
    int last_fruitful_start_ = -1;
    std::vector<double> spent_;            ///< by learning run; what is not there is 0
    std::map<int, AttemptKey> last_part_;  ///< by learning run, where there are checkpoints
    std::map<int, double> cut_starts_;     ///< longest_cut_in() where it is not 0
};

/// Seconds for people: "95 s", "0.5 s", "2 h 5 min".
[[nodiscard]] std::string shown_seconds(double seconds);

/// A training that was cut after some time fits no better into a start that has so much of that.
inline constexpr double cut_tolerance = 1.05;
/// Seconds before the known end from which on a TERM counts as the time limit.
inline constexpr double end_tolerance_s = 5.0;

}  // namespace reprise
