#include "reprise/system/wake_up.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "abstract_address.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

std::string socket_name(std::string const& token, int rank) {
    return "reprise-wake-" + token + "-" + std::to_string(rank);
}

}  // namespace

WakeUp::WakeUp(std::string const& token, int rank) : token_(token) {
    REPRISE_EXPECT(!token.empty() && token.size() <= 80 && rank >= 0);
    fd_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_) throw posix_error(errno, "make", "a wake-up socket");
    auto const name = socket_name(token, rank);
    AbstractAddress const address(name);
    if (::bind(fd_.get(), address.get(), address.length) != 0) {
        throw posix_error(errno, "bind wake-up socket", name, "Is this rank running twice?");
    }
}

bool WakeUp::poke(int rank) noexcept {
    AbstractAddress const address(socket_name(token_, rank));
    char const nothing = 0;
    auto const sent = ::sendto(fd_.get(), &nothing, 1, MSG_DONTWAIT | MSG_NOSIGNAL, address.get(),
                               address.length);
    // A full queue is full of pokes: it will wake.
    return sent == 1 || errno == EAGAIN || errno == ENOBUFS;
}

bool WakeUp::drain() noexcept {
    bool poked = false;
    char buffer[64];
    while (true) {
        auto const count = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return poked;
        poked = true;
    }
}

}  // namespace reprise
