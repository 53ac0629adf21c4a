#include "reprise/system/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "reprise/system/host.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

constexpr std::size_t max_holder_bytes = 512;

std::string own_description() {
    std::time_t const now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
    return "host " + host_name() + ", pid " + std::to_string(::getpid()) + ", since " + text.data();
}

/// First line of what the holder has written; empty when it has not yet.
std::string read_holder(int fd) {
    std::array<char, max_holder_bytes> buffer{};
    auto const count = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) return {};
    std::string text(buffer.data(), static_cast<std::size_t>(count));
    return text.substr(0, text.find('\n'));
}

/// Whether the path still names the file that is open: a holder removes it when it lets go.
bool is_still_there(std::string const& path, int fd) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

bool means_held(int error) noexcept { return error == EAGAIN || error == EACCES; }

bool means_unsupported(int error) noexcept {
    return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

}  // namespace

FileLock::FileLock(std::string path, Fd fd) noexcept : path_(std::move(path)), fd_(std::move(fd)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    if (this != &other) {
        release();
        path_ = std::move(other.path_);
        fd_ = std::move(other.fd_);
    }
    return *this;
}

FileLock::~FileLock() { release(); }

void FileLock::release() noexcept {
    if (!fd_) return;
    // Removed while it is held: afterwards the file might be the next holder's.
    if (is_still_there(path_, fd_.get())) ::unlink(path_.c_str());
    fd_ = Fd();
}

LockAttempt FileLock::try_lock(std::string const& path) {
    // Each round ends because another holder came and went in between; many such are no accident.
    constexpr int max_rounds = 100;
    for (int round = 0; round < max_rounds; ++round) {
        Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        if (!fd) throw posix_error(errno, "make the lock file", path);
        struct flock request {};
        request.l_type = F_WRLCK;
        request.l_whence = SEEK_SET;
        if (::fcntl(fd.get(), F_OFD_SETLK, &request) != 0) {
            int const error = errno;
            if (error == EINTR) continue;
            if (means_held(error)) {
                return {LockAttempt::Outcome::held, std::nullopt, read_holder(fd.get()), {}};
            }
            if (!means_unsupported(error)) throw posix_error(error, "lock", path);
            ::unlink(path.c_str());
            return {LockAttempt::Outcome::unsupported, std::nullopt, {}, text_of_errno(error)};
        }
        if (!is_still_there(path, fd.get())) continue;
        auto const text = own_description() + "\n";
        // The text is a courtesy to whoever waits: the lock holds without it.
        if (::ftruncate(fd.get(), 0) == 0) {
            [[maybe_unused]] auto const written = ::pwrite(fd.get(), text.data(), text.size(), 0);
        }
        return {LockAttempt::Outcome::acquired, FileLock(path, std::move(fd)), {}, {}};
    }
    return {LockAttempt::Outcome::held, std::nullopt, {}, {}};
}

Fd try_hold_directory(std::string const& path, int operation) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat opened {};
    bool const ours = fd && ::fstat(fd.get(), &opened) == 0 && opened.st_uid == ::geteuid() &&
                      ::flock(fd.get(), operation) == 0 && is_still_there(path, fd.get());
    return ours ? std::move(fd) : Fd();
}

}  // namespace reprise
