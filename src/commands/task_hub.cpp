#include "reprise/commands/task_hub.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/host.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

/// Connections that have not said who they are: no more than this many at once.
constexpr std::size_t max_strangers = 64;

/// 128 bits.
std::string new_secret() {
    std::random_device random;
    std::string secret;
    for (int part = 0; part < 4; ++part) {
        char text[9];
        std::snprintf(text, sizeof text, "%08x", random());
        secret += text;
    }
    return secret;
}

}  // namespace

TaskHub::TaskHub(int tasks) : tasks_(tasks), secret_(new_secret()) {
    address_ = secret_ + " " + std::to_string(listener_.port()) + " " + host_name();
    for (auto const& address : own_addresses()) address_ += " " + address;
}

void TaskHub::add_poll_fds(std::vector<pollfd>& fds) const {
    fds.push_back({listener_.fd(), POLLIN, 0});
    for (auto const& peer : peers_) {
        if (!peer.channel.closed()) fds.push_back({peer.channel.fd(), POLLIN, 0});
    }
}

void TaskHub::advance() {
    accept();
    for (auto& peer : peers_) read(peer);
    std::erase_if(peers_, [](Peer const& peer) { return peer.task < 0 && peer.channel.closed(); });
}

void TaskHub::accept() {
    while (Fd connection = listener_.accept()) {
        auto const strangers = std::count_if(peers_.begin(), peers_.end(),
                                             [](Peer const& peer) { return peer.task < 0; });
        if (static_cast<std::size_t>(strangers) >= max_strangers) continue;
        peers_.push_back({Channel::over(std::move(connection)), -1, {}, false});
    }
}

void TaskHub::read(Peer& peer) {
    try {
        while (auto const bytes = peer.channel.receive()) {
            hear(peer, decode_task_message(*bytes));
        }
    } catch (Error const&) {  // no message of ours: closed now
    } catch (ContractViolation const&) {
        if (peer.task >= 0) throw;
    }
    if (peer.channel.closed() && peer.task >= 0 && !std::exchange(peer.gone, true)) {
        lost_perhaps_a_node_ = lost_perhaps_a_node_ || peer.host != host_name();
        lose(peer, "its launcher is gone");
    }
}

void TaskHub::hear(Peer& peer, TaskMessage const& message) {
    if (auto const* hello = std::get_if<TaskHello>(&message)) {
        if (hello->secret != secret_ || hello->task < 1 || hello->task >= tasks_) return;
        peer.task = hello->task;
        peer.host = hello->host;
    } else if (auto const* gone = std::get_if<TaskGone>(&message)) {
        if (peer.task < 0) return;
        peer.gone = true;
        if (!gone->how.empty()) lose(peer, gone->how);
    }
}

void TaskHub::lose(Peer const& peer, std::string const& how) {
    if (!lost_) lost_ = "task " + std::to_string(peer.task) + " on " + peer.host + ": " + how;
}

std::size_t TaskHub::gone() const {
    auto const count =
        std::count_if(peers_.begin(), peers_.end(), [](Peer const& peer) { return peer.gone; });
    return static_cast<std::size_t>(count);
}

void TaskHub::end_all() {
    for (auto& peer : peers_) peer.channel.send(encode_task_message(EndNow{}));
}

bool TaskHub::wait_until_gone(Duration limit, bool expect_all) {
    SystemClock const clock;
    auto const end = clock.now() + limit;
    auto const others = static_cast<std::size_t>(tasks_ - 1);
    auto const all_gone = [&] { return gone() >= (expect_all ? others : peers_.size()); };
    while (!all_gone() && clock.now() < end) {
        std::vector<pollfd> fds;
        add_poll_fds(fds);
        poll_events(fds, end - clock.now());
        advance();
    }
    return all_gone();
}

void TaskHub::dismiss(VerdictKind verdict) {
    for (auto& peer : peers_) peer.channel.send(encode_task_message(Leave{verdict}));
}

}  // namespace reprise
