#include "reprise/commands/rank_loop.hpp"

#include <algorithm>
#include <utility>

#include "reprise/system/poller.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

/// A poke may be lost (its socket full, say): look now and then all the same.
constexpr Duration local_backstop = milliseconds(2000);
/// Ranks on other hosts cannot be poked. What comes next usually comes soon.
constexpr Duration shortest_distant_backstop = milliseconds(10);
constexpr Duration longest_distant_backstop = milliseconds(200);
/// While a message is on its way out or in: MPI makes progress only when it is called.
constexpr Duration busy_interval = milliseconds(1);
/// A poke may arrive before its message.
constexpr Duration expectation = milliseconds(20);

}  // namespace

RankPost::RankPost(MpiSession const& session, std::string const& token, std::string const& host)
    : wake_up_(std::make_unique<WakeUp>(token, session.world().rank())) {
    mailbox_ = std::make_unique<MpiMailbox>(
        session, [wake_up = wake_up_.get()](int rank) { wake_up->poke(rank); });
    // Also tells that every rank's wake-up is there before anyone pokes.
    auto const hosts = session.hosts(host);
    together_ = std::all_of(hosts.begin(), hosts.end(),
                            [&](std::string const& h) { return h == hosts.front(); });
}

void RankPost::send(int to, RankPayload const& payload) {
    REPRISE_EXPECT(mailbox_ != nullptr);
    mailbox_->send(to, encode_payload(payload));
    last_message_ = now_;
}

std::optional<RankMessage> RankPost::receive() {
    auto message = mailbox_ ? mailbox_->receive() : std::nullopt;
    if (message) last_message_ = now_;
    return message;
}

std::optional<Duration> RankPost::patience(TimePoint now) {
    if (!mailbox_) return std::nullopt;
    bool const busy = mailbox_->sending() || now < expecting_until_;
    return busy ? busy_interval : backstop(now);
}

Duration RankPost::backstop(TimePoint now) const {
    if (together_) return local_backstop;
    return std::clamp<Duration>((now - last_message_) / 4, shortest_distant_backstop,
                                longest_distant_backstop);
}

void RankPost::awake(TimePoint now) {
    now_ = now;
    if (wake_up_ && wake_up_->drain()) expecting_until_ = now + expectation;
}

void RankPost::flush(Duration limit) {
    SystemClock const clock;
    auto const end = clock.now() + limit;
    while (mailbox_ && mailbox_->sending() && clock.now() < end) {
        poll_events({}, busy_interval);
    }
}

RankLoop::RankLoop(RankPost& post, SignalFd& signals, SystemClock const& clock)
    : post_(post), signals_(signals), clock_(clock) {}

std::optional<Duration> RankLoop::sleep_time(RankWorker const* worker, RankHandlers const& handlers,
                                             std::optional<Duration> at_most) {
    auto const now = clock_.now();
    auto time = at_most;
    auto const consider = [&](std::optional<Duration> limit) {
        if (limit && (!time || *limit < *time)) time = std::max(*limit, Duration::zero());
    };
    consider(post_.patience(now));
    if (worker != nullptr && worker->deadline()) consider(*worker->deadline() - now);
    if (handlers.deadline) {
        if (auto const deadline = handlers.deadline()) consider(*deadline - now);
    }
    return time;
}

void RankLoop::turn(RankWorker* worker, RankHandlers const& handlers,
                    std::optional<Duration> at_most) {
    std::vector<pollfd> fds{
        {signals_.fd(), POLLIN, 0}, {post_.wake_fd(), POLLIN, 0}, {handlers.channel_fd, POLLIN, 0}};
    if (worker != nullptr) worker->add_poll_fds(fds);
    poll_events(fds, sleep_time(worker, handlers, at_most));

    post_.awake(clock_.now());
    if (fds[2].revents != 0 && handlers.on_channel) handlers.on_channel();
    while (auto const signal = signals_.read()) handlers.on_signal(signal->number);
    if (worker != nullptr) worker->advance();
    while (auto const message = post_.receive()) {
        handlers.on_payload(message->rank, decode_payload(message->bytes));
    }
    if (handlers.on_deadline) handlers.on_deadline();
}

}  // namespace reprise
