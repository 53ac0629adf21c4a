#include "reprise/system/poller.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

#include "reprise/core/contract.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

timespec to_timespec(Duration duration) {
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec result{};
    result.tv_sec = static_cast<std::time_t>(seconds.count());
    result.tv_nsec = static_cast<long>((duration - seconds).count());
    return result;
}

}  // namespace

int poll_events(std::span<pollfd> entries, std::optional<Duration> timeout) {
    using std::chrono::steady_clock;
    auto const begin = steady_clock::now();
    while (true) {
        timespec remaining{};
        if (timeout) {
            auto const used = std::chrono::duration_cast<Duration>(steady_clock::now() - begin);
            remaining = to_timespec(std::max(Duration::zero(), *timeout - used));
        }
        int const ready =
            ::ppoll(entries.data(), entries.size(), timeout ? &remaining : nullptr, nullptr);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) throw posix_error(errno, "wait for", "file descriptors");
        for (auto const& entry : entries) REPRISE_ASSERT((entry.revents & POLLNVAL) == 0);
        return ready;
    }
}

std::vector<int> wait_readable(std::span<int const> fds, std::optional<Duration> timeout) {
    std::vector<pollfd> entries;
    entries.reserve(fds.size());
    for (int const fd : fds) entries.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    poll_events(entries, timeout);
    std::vector<int> ready;
    for (auto const& entry : entries) {
        if (entry.revents != 0) ready.push_back(entry.fd);
    }
    return ready;
}

}  // namespace reprise
