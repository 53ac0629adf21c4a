#include "reprise/system/fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "reprise/system/posix_error.hpp"

namespace reprise {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = other.release();
    }
    return *this;
}

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

int Fd::release() noexcept {
    int const fd = fd_;
    fd_ = -1;
    return fd;
}

void Fd::close() {
    if (fd_ < 0) return;
    int const fd = release();
    // Linux has given the number back even when close() reports EINTR.
    if (::close(fd) != 0 && errno != EINTR) {
        throw posix_error(errno, "close", "file descriptor " + std::to_string(fd));
    }
}

Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw posix_error(errno, "make", "a pipe");
    return {Fd(ends[0]), Fd(ends[1])};
}

SocketPair make_socket_pair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw posix_error(errno, "make", "a pair of sockets");
    }
    return {Fd(ends[0]), Fd(ends[1])};
}

void set_close_on_exec(int fd) {
    int const flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
        throw posix_error(errno, "set close-on-exec of", "file descriptor " + std::to_string(fd));
    }
}

void set_non_blocking(int fd) {
    int const flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        throw posix_error(errno, "set non-blocking", "file descriptor " + std::to_string(fd));
    }
}

}  // namespace reprise
