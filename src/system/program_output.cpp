#include "reprise/system/program_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "reprise/core/error.hpp"
#include "reprise/system/child_process.hpp"
#include "reprise/system/fd.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

constexpr std::size_t max_output_bytes = 1U << 20U;

/// Appends what there is; false when there will be no more, or it is too much.
bool read_some(int fd, std::string& text) {
    std::array<char, 65536> buffer{};
    for (;;) {
        auto const count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN;
        if (count == 0 || text.size() > max_output_bytes) return false;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

}  // namespace

std::optional<std::string> output_of(std::vector<std::string> const& argv,
                                     std::vector<std::string> const& environment, Duration limit) {
    try {
        SystemClock const clock;
        auto const end = clock.now() + limit;
        Fd const nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        auto pipe = make_pipe();
        set_non_blocking(pipe.read_end.get());
        ProcessSpec spec;
        spec.argv = argv;
        spec.environment = environment;
        spec.stdout_fd = pipe.write_end.get();
        spec.stderr_fd = nowhere.get();
        spec.group = ProcessGroup::own_group;
        auto child = spawn(spec);  // killed at the end of this block, if it has not ended
        pipe.write_end.close();
        std::string text;
        bool more = true;
        while (clock.now() < end) {
            pollfd fds[] = {{more ? pipe.read_end.get() : -1, POLLIN, 0},
                            {child.pidfd(), POLLIN, 0}};
            poll_events(fds, std::max<Duration>(end - clock.now(), Duration::zero()));
            if (more) more = read_some(pipe.read_end.get(), text);
            if (text.size() > max_output_bytes) return std::nullopt;
            auto const status = child.try_wait();
            if (!status) continue;
            if (more) (void)read_some(pipe.read_end.get(), text);
            if (!status->succeeded()) return std::nullopt;
            return text;
        }
        return std::nullopt;
    } catch (Error const&) {
        return std::nullopt;
    }
}

}  // namespace reprise
