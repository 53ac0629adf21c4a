#include "reprise/system/kept_sockets.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

namespace reprise {
namespace {

/// At most SCM_MAX_FD (253) go in one message.
constexpr std::size_t batch = 64;
constexpr std::chrono::seconds keeping_limit{10};

bool is_tcp(int fd) {
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
    size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
    return (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM;
}

/// @param process its number, or "self"
std::vector<int> open_descriptors(std::string const& process) {
    std::vector<int> numbers;
    DIR* const directory = ::opendir(("/proc/" + process + "/fd").c_str());
    if (directory == nullptr) return numbers;
    while (dirent const* const entry = ::readdir(directory)) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        numbers.push_back(static_cast<int>(std::strtol(entry->d_name, nullptr, 10)));
    }
    ::closedir(directory);
    return numbers;
}

/// A message of one byte, with room for `batch` descriptors.
struct DescriptorMessage {
    DescriptorMessage() {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    DescriptorMessage(DescriptorMessage const&) = delete;  // it points into itself
    DescriptorMessage& operator=(DescriptorMessage const&) = delete;
    ~DescriptorMessage() = default;

    alignas(cmsghdr) std::array<char, CMSG_SPACE(batch * sizeof(int))> control{};
    char byte = 0;
    iovec content{&byte, 1};
    msghdr header{};
};

void send_descriptors(int through, int const* fds, std::size_t count) {
    DescriptorMessage descriptors;
    auto& message = descriptors.header;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    while (::sendmsg(through, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

int port_of_peer(int socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return -1;
    if (address.ss_family == AF_INET) {
        return ntohs(reinterpret_cast<sockaddr_in const*>(&address)->sin_port);
    }
    return ntohs(reinterpret_cast<sockaddr_in6 const*>(&address)->sin6_port);
}

/// The child's life. Without allocating: it was forked, not started anew.
[[noreturn]] void keep(std::vector<pollfd>& entries) noexcept {
    using std::chrono::steady_clock;
    ::setsid();
    if (::chdir("/") != 0) ::_exit(1);
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    auto const end = steady_clock::now() + keeping_limit;
    while (steady_clock::now() < end) {
        ::poll(entries.data(), entries.size(), 100);
        bool const closed = std::all_of(entries.begin(), entries.end(), [](auto const& entry) {
            return (entry.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
        });
        if (closed) break;
    }
    ::_exit(0);
}

}  // namespace

void SocketOffer::hand_over() {
    if (through_ < 0) return;
    std::vector<int> fresh;
    for (int const fd : open_descriptors("self")) {
        struct stat status {};
        if (::fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode) || !is_tcp(fd)) continue;
        if (known_.insert(status.st_ino).second) fresh.push_back(fd);
    }
    for (std::size_t sent = 0; sent < fresh.size(); sent += batch) {
        send_descriptors(through_, fresh.data() + sent, std::min(batch, fresh.size() - sent));
    }
}

SocketKeeper::SocketKeeper() : pair_(make_socket_pair()) { set_non_blocking(pair_.ours.get()); }

void SocketKeeper::take() {
    while (!ended_) {
        DescriptorMessage descriptors;
        auto& message = descriptors.header;
        auto const got = ::recvmsg(pair_.ours.get(), &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            ended_ = true;
            pair_.ours = Fd();
            return;
        }
        for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
             header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
            auto const count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
                keep(Fd(fd));
            }
        }
    }
}

void SocketKeeper::keep(Fd fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !known_.insert(status.st_ino).second) return;
    if (is_tcp(fd.get())) kept_.push_back(std::move(fd));
}

void SocketKeeper::grab(pid_t child) {
    constexpr long pidfd_getfd = 438;  // on every architecture; glibc 2.31 has no name for it
    Fd const process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    if (!process) return;
    auto const number = std::to_string(child);
    for (int const theirs : open_descriptors(number)) {
        struct stat status {};
        auto const path = "/proc/" + number + "/fd/" + std::to_string(theirs);
        if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
        if (known_.contains(status.st_ino)) continue;
        Fd fd(static_cast<int>(::syscall(pidfd_getfd, process.get(), theirs, 0)));
        if (!fd) return;
        keep(std::move(fd));
    }
}

std::vector<int> SocketKeeper::connected_to(std::string const& ports) const {
    std::set<int> wanted;
    std::istringstream stream(ports);
    for (int port = 0; stream >> port;) wanted.insert(port);
    std::vector<int> found;
    for (auto const& socket : kept_) {
        if (wanted.contains(port_of_peer(socket.get()))) found.push_back(socket.get());
    }
    return found;
}

void keep_open_beyond_our_end(std::vector<int> const& sockets) noexcept {
    if (sockets.empty()) return;
    std::vector<pollfd> entries;
    entries.reserve(sockets.size());
    for (int const socket : sockets) entries.push_back({socket, POLLRDHUP, 0});
    if (::fork() == 0) keep(entries);
}

}  // namespace reprise
