/// @file A rank's sleep and its awakening: waits for everything at once and hands it to those whom
/// it concerns. Never blocks in MPI.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/rank_worker.hpp"
#include "reprise/mpi/mailbox.hpp"
#include "reprise/system/local_channel.hpp"
#include "reprise/system/signals.hpp"
#include "reprise/system/system_clock.hpp"
#include "reprise/system/wake_up.hpp"

namespace reprise {

/// A rank's connection to the others, or the lack of others.
class RankPost {
  public:
    /// The only rank.
    RankPost() = default;
    /// Collective. The session must outlive the post.
    RankPost(MpiSession const& session, std::string const& token, std::string const& host);

    [[nodiscard]] int rank() const { return mailbox_ ? mailbox_->rank() : 0; }
    [[nodiscard]] int size() const { return mailbox_ ? mailbox_->size() : 1; }
    void send(int to, RankPayload const& payload);
    std::optional<RankMessage> receive();
    /// Readable when another rank has sent something; -1: nobody can.
    [[nodiscard]] int wake_fd() const { return wake_up_ ? wake_up_->fd() : -1; }
    /// How long the rank may sleep before it looks for messages again.
    [[nodiscard]] std::optional<Duration> patience(TimePoint now);
    /// To be called after every sleep.
    void awake(TimePoint now);
    /// Waits until all messages have left, at most so long.
    void flush(Duration limit);

  private:
    std::unique_ptr<WakeUp> wake_up_;
    std::unique_ptr<MpiMailbox> mailbox_;
    [[nodiscard]] Duration backstop(TimePoint now) const;

    bool together_ = true;  ///< all ranks are on this host
    TimePoint now_{};
    TimePoint last_message_{};  ///< to or from here
    TimePoint expecting_until_{};
};

/// What a rank waits for besides its messages and its training.
struct RankHandlers {
    std::function<void(int rank, RankPayload const& payload)> on_payload;
    std::function<void(int signal)> on_signal;
    std::function<void()> on_channel;                    ///< rank 0: the launcher's channel
    std::function<std::optional<TimePoint>()> deadline;  ///< rank 0: the coordinator's
    std::function<void()> on_deadline;
    int channel_fd = -1;
};

class RankLoop {
  public:
    RankLoop(RankPost& post, SignalFd& signals, SystemClock const& clock);

    /// One sleep and what it brought. @param worker may be null (rank 0 before it trains)
    void turn(RankWorker* worker, RankHandlers const& handlers,
              std::optional<Duration> at_most = std::nullopt);

  private:
    [[nodiscard]] std::optional<Duration> sleep_time(RankWorker const* worker,
                                                     RankHandlers const& handlers,
                                                     std::optional<Duration> at_most);

    RankPost& post_;
    SignalFd& signals_;
    SystemClock const& clock_;
};

}  // namespace reprise
