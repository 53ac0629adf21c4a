#include "reprise/commands/task_link.hpp"

#include <sstream>

#include "reprise/core/error.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/tcp.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds connect_limit{3000};  ///< for one address
/// Rank 0 outlives its launcher by what it needs to save and to send the other ranks home.
constexpr Duration patience_alone = milliseconds(4500);

bool is_loopback(std::string const& address) {
    return address.starts_with("127.") || address == "::1";
}

}  // namespace

void TaskLink::met(std::string const& hub) {
    std::istringstream words(hub);
    std::string secret;
    std::string host;
    int port = 0;
    words >> secret >> port >> host;
    for (std::string address; words >> address;) {
        // Somebody else's port, on another host.
        if (is_loopback(address) && host != host_name()) continue;
        if (Fd connection = connect_tcp(address, port, connect_limit)) {
            channel_ = Channel::over(std::move(connection));
            channel_->send(encode_task_message(TaskHello{secret, task_, host_name()}));
            return;
        }
    }
    lost_ = "task " + std::to_string(task_) + " on " + host_name() +
            " cannot reach the launcher of task 0 on " + host + " by TCP";
}

void TaskLink::add_poll_fds(std::vector<pollfd>& fds) const {
    if (channel_ && !channel_->closed()) fds.push_back({channel_->fd(), POLLIN, 0});
}

void TaskLink::advance() {
    if (!channel_) return;
    while (auto const bytes = channel_->receive()) {
        auto const message = decode_task_message(*bytes);
        if (std::holds_alternative<EndNow>(message)) lost_ = "task 0 ends the start";
        if (auto const* leave = std::get_if<Leave>(&message)) leave_ = leave->verdict;
    }
    if (channel_->closed() && !alone_since_) alone_since_ = clock_.now();
}

std::optional<std::string> TaskLink::lost() const {
    if (lost_) return lost_;
    if (deadline() && clock_.now() >= *deadline()) return "the launcher of task 0 is gone";
    return std::nullopt;
}

std::optional<TimePoint> TaskLink::deadline() const {
    return alone_since_ ? std::optional(*alone_since_ + patience_alone) : std::nullopt;
}

void TaskLink::tell_gone(std::string const& how) {
    if (channel_) channel_->send(encode_task_message(TaskGone{how}));
}

std::optional<VerdictKind> TaskLink::wait_for_leave(Duration limit) {
    auto const end = clock_.now() + limit;
    while (channel_ && !leave_ && !channel_->closed() && clock_.now() < end) {
        std::vector<pollfd> fds;
        add_poll_fds(fds);
        poll_events(fds, end - clock_.now());
        advance();
    }
    return leave_;
}

}  // namespace reprise
