#include "reprise/commands/rank_group.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <utility>

#include "reprise/commands/mpi_starter.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/utf8.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

/// After a TERM the job is gone within 5 s, whatever the ranks do.
constexpr Duration terminated_limit = milliseconds(4300);
/// After its verdict, or its death, rank 0's mpirun has so long to follow.
constexpr Duration farewell_limit = std::chrono::seconds(10);
constexpr milliseconds kill_limit{2000};
/// Open MPI 4.1 now and then hangs for ever when a rank dies: an mpirun that has lost a rank has so
/// long to follow. Nothing may be left 2 s after a kill.
constexpr Duration orphaned_limit = milliseconds(1300);
/// The same where the others on several nodes have to hear of it and clean up behind themselves,
/// and how long they have when mpirun is gone.
constexpr Duration orphaned_limit_between_nodes = std::chrono::seconds(5);
constexpr Duration last_limit_between_nodes = std::chrono::seconds(3);
constexpr Duration start_up_interval = milliseconds(100);
/// How often the new connections of a rank that starts up are looked for.
constexpr Duration keeping_interval = milliseconds(10);
constexpr std::size_t kept_output_bytes = 16384;
constexpr std::size_t kept_output_lines = 20;

class RankGroup {
  public:
    RankGroup(LaunchPlan const& plan, ChannelListener& listener, SignalFd& signals,
              SystemClock const& clock, RankGroupSetting setting)
        : listener_(listener),
          signals_(signals),
          clock_(clock),
          setting_(std::move(setting)),
          output_(make_pipe()) {
        ProcessSpec spec;
        spec.argv = plan.argv;
        spec.environment = plan.environment;
        spec.stdout_fd = output_.write_end.get();
        spec.stderr_fd = output_.write_end.get();
        // A Ctrl-C at the terminal is for the launcher alone: mpirun would kill the ranks.
        spec.group = ProcessGroup::own_group;
        // Slurm's TERM reaches mpirun as well, which would kill the ranks while they save; it sets
        // handlers of its own, so that ignoring is not enough.
        if (setting_.ranks > 0) spec.blocked_signals = {SIGTERM, SIGINT, SIGHUP};
        spec.extra_fds = plan.fds;
        auto* const keeper = setting_.keeper;
        if (keeper != nullptr) {
            spec.extra_fds.emplace_back(keeper->other_end().get(), plan.keep_fd);
        }
        child_.emplace(spawn(spec));
        if (keeper != nullptr) keeper->other_end().close();
        output_.write_end.close();
        set_non_blocking(output_.read_end.get());
    }

    RankGroupEnd run() {
        while (!child_->try_wait()) turn();
        end_.status = *child_->try_wait();
        // What rank 0 sent last may still be on its way.
        read_channel();
        if (setting_.several_nodes) let_the_rest_end();
        kill_all_descendants(kill_limit, setting_.spared);
        read_output();
        end_.output = output_lines();
        return std::move(end_);
    }

  private:
    void turn() {
        std::vector<pollfd> fds{{child_->pidfd(), POLLIN, 0},
                                {signals_.fd(), POLLIN, 0},
                                {output_.read_end.get(), POLLIN, 0},
                                {listener_.fd(), POLLIN, 0},
                                {channel_ && !channel_->closed() ? channel_->fd() : -1, POLLIN, 0}};
        for (auto const& rank : ranks_) fds.push_back({rank.get(), POLLIN, 0});
        auto const end_of_ranks = fds.size();
        if (setting_.keeper != nullptr) fds.push_back({setting_.keeper->fd(), POLLIN, 0});
        if (setting_.others != nullptr) setting_.others->add_poll_fds(fds);
        std::optional<Duration> time;
        if (deadline_) time = std::max(*deadline_ - clock_.now(), Duration::zero());
        if (setting_.last_moment) {
            auto const left = std::max(*setting_.last_moment - clock_.now(), Duration::zero());
            time = std::min(time.value_or(left), left);
        }
        if (!end_.connected) {
            auto const interval =
                setting_.keeper != nullptr ? keeping_interval : Duration(start_up_interval);
            time = std::min(time.value_or(interval), interval);
        }
        if (setting_.others != nullptr && setting_.others->deadline()) {
            auto const left =
                std::max(*setting_.others->deadline() - clock_.now(), Duration::zero());
            time = std::min(time.value_or(left), left);
        }
        poll_events(fds, time);
        while (auto const signal = signals_.read()) on_signal(signal->number);
        if (fds[2].revents != 0) read_output();
        read_channel();
        if (!end_.connected) watch_start_up();
        if (std::any_of(fds.begin() + 5, fds.begin() + static_cast<std::ptrdiff_t>(end_of_ranks),
                        [](auto const& fd) { return fd.revents != 0; })) {
            a_rank_has_ended();
        }
        if (setting_.keeper != nullptr) setting_.keeper->take();
        if (setting_.others != nullptr) hear_others();
        if (setting_.last_moment && clock_.now() >= *setting_.last_moment) {
            setting_.last_moment.reset();
            end_.time_limit = true;
            set_deadline(Duration::zero());
        }
        if (deadline_ && clock_.now() >= *deadline_) {
            deadline_.reset();
            child_->send_signal(SIGKILL);
        }
    }

    /// mpirun's daemons on the other nodes end by themselves without it, and remove their files;
    /// who kills the srun that holds them has Slurm kill them in the middle of that.
    void let_the_rest_end() {
        auto const end = clock_.now() + last_limit_between_nodes;
        while (!descendants(setting_.spared).empty() && clock_.now() < end) {
            poll_events({}, milliseconds(20));
        }
    }

    [[nodiscard]] Duration patience_with_mpirun() const {
        return setting_.several_nodes ? orphaned_limit_between_nodes : orphaned_limit;
    }

    /// Once this one has its verdict, what becomes of the others changes nothing any more.
    void hear_others() {
        setting_.others->advance();
        // With another rank lost MPI would wait for it at the end.
        if (end_.verdict && setting_.others->deserted()) set_deadline(orphaned_limit);
        if (end_.verdict || end_.others || !setting_.others->lost()) return;
        end_.others = setting_.others->lost();
        set_deadline(Duration::zero());
    }

    /// Until rank 0 is there nobody else would notice that it never comes.
    void watch_start_up() {
        auto const now = clock_.now();
        if (setting_.others != nullptr) {  // the child is the rank, and waits for the other tasks
            if (setting_.keeper != nullptr) setting_.keeper->grab(child_->pid());
            if (now - started_ < setting_.patience || end_.never_came) return;
            end_.never_came = true;
            set_deadline(Duration::zero());
            return;
        }
        watch_ranks();
        if (descendants(setting_.spared).size() >
            1) {  // more than the child itself: ranks, dead ones not counted
            ranks_seen_ = true;
            ranks_gone_since_.reset();
        } else if ((ranks_seen_ || !children_of(child_->pid()).empty()) && !ranks_gone_since_) {
            ranks_gone_since_ = now;
        }
        bool const orphaned =
            ranks_gone_since_ && now - *ranks_gone_since_ >= patience_with_mpirun();
        if (orphaned || now - started_ >= setting_.patience) set_deadline(Duration::zero());
    }

    /// mpirun should notice it when one of them is lost, but see orphaned_limit.
    void watch_ranks() {
        auto const ranks = ranks_of_mpirun();
        if (watching_ || setting_.ranks == 0) return;
        if (static_cast<int>(ranks.size()) < setting_.ranks) return;  // not all of them yet
        watching_ = true;
        for (pid_t const pid : ranks) {
            Fd rank(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // -1 before Linux 5.3
            if (rank) ranks_.push_back(std::move(rank));
        }
    }

    void a_rank_has_ended() {
        ranks_.clear();
        set_deadline(end_.verdict ? farewell_limit : patience_with_mpirun());
    }

    void on_signal(int signal) {
        bool const time_limit = signal == SIGUSR1;
        if (time_limit) {
            end_.time_limit = true;
        } else {
            if (!end_.terminated && setting_.on_terminated) setting_.on_terminated();
            end_.terminated = true;
            set_deadline(terminated_limit);
        }
        if (!end_.connected && setting_.others != nullptr) {
            // It waits for the other tasks in MPI; its death would look like a crash to them.
            early_signal_ = signal;
            return;
        }
        if (!end_.connected) {
            // Nothing was started yet, and a rank that has no handler yet would die of the signal
            // in some other way.
            child_->send_signal(SIGKILL);
            return;
        }
        pass_on(signal);
    }

    /// mpirun passes USR1 and USR2 on at once; TERM and INT it answers by killing the ranks.
    void pass_on(int signal) {
        if (signal == SIGUSR1) return child_->send_signal(SIGUSR1);
        if (setting_.ranks == 0 || starter_of(built_mpi_family()).passes_usr2_on) {
            return child_->send_signal(SIGUSR2);
        }
        for (pid_t const rank : ranks_of_mpirun()) ::kill(rank, SIGUSR2);
    }

    /// As many as there are by now.
    [[nodiscard]] std::vector<pid_t> ranks_of_mpirun() const {
        auto found = children_of(child_->pid());
        for (int left = starter_of(built_mpi_family()).generations; left > 1; --left) {
            std::vector<pid_t> next;
            for (pid_t const pid : found) {
                auto const children = children_of(pid);
                next.insert(next.end(), children.begin(), children.end());
            }
            found = std::move(next);
        }
        return found;
    }

    void set_deadline(Duration limit) {
        auto const deadline = clock_.now() + limit;
        if (!deadline_ || deadline < *deadline_) deadline_ = deadline;
    }

    void read_channel() {
        if (!channel_) {
            channel_ = listener_.accept();
            end_.connected = channel_.has_value();
            if (channel_) watch_ranks();
            if (channel_ && early_signal_ != 0) pass_on(std::exchange(early_signal_, 0));
        }
        if (!channel_) return;
        while (auto const bytes = channel_->receive()) {
            std::visit(Overloaded{
                           [](LogLine const& m) { print_log_line(m.level, m.line); },
                           [this](StartRecorded const& m) { end_.start_recorded = m.number; },
                           [this](VerdictReached const& m) { end_.verdict = m.verdict; },
                           [this](TasksMet const& m) {
                               if (setting_.others != nullptr) setting_.others->met(m.hub);
                           },
                       },
                       decode_launcher_message(*bytes));
        }
        if (channel_->closed() || end_.verdict) set_deadline(farewell_limit);
    }

    void read_output() {
        char buffer[4096];
        for (;;) {
            auto const got = ::read(output_.read_end.get(), buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got == 0) output_.read_end = Fd();  // all writers are gone
            if (got <= 0) return;
            said_.append(buffer, static_cast<std::size_t>(got));
            if (said_.size() > 2 * kept_output_bytes) {
                said_.erase(0, said_.size() - kept_output_bytes);
            }
        }
    }

    [[nodiscard]] std::vector<std::string> output_lines() const {
        std::vector<std::string> lines;
        std::istringstream stream(said_);
        for (std::string line; std::getline(stream, line);) {
            auto shown = to_shown_line(line);
            // mpirun frames its messages with dashes.
            if (shown.find_first_not_of("- \t") != std::string::npos) {
                lines.push_back(std::move(shown));
            }
        }
        if (lines.size() > kept_output_lines) {
            lines.erase(lines.begin(), lines.end() - kept_output_lines);
        }
        return lines;
    }

    ChannelListener& listener_;
    SignalFd& signals_;
    SystemClock const& clock_;
    RankGroupSetting setting_;
    Pipe output_;
    std::optional<ChildProcess> child_;
    bool watching_ = false;
    std::vector<Fd> ranks_;  ///< pidfds of mpirun's children, until the first of them has ended
    std::optional<Channel> channel_;
    std::optional<TimePoint> deadline_;
    TimePoint started_ = clock_.now();
    int early_signal_ = 0;  ///< came before the rank was there; 0: none
    bool ranks_seen_ = false;
    std::optional<TimePoint> ranks_gone_since_;
    std::string said_;
    RankGroupEnd end_;
};

}  // namespace

RankGroupEnd run_rank_group(LaunchPlan const& plan, ChannelListener& listener, SignalFd& signals,
                            SystemClock const& clock, RankGroupSetting setting) {
    return RankGroup(plan, listener, signals, clock, std::move(setting)).run();
}

}  // namespace reprise
