/// @file The POSIX calls that the results file needs, as a door: tests count them and let them
/// fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace reprise {

/// Each call does what the POSIX call of its name does and fails as it does: -1 and errno. Callers
/// deal with short reads, short writes and EINTR.
class Files {
  public:
    virtual ~Files() = default;
    /// Close-on-exec is added to `flags`; a new file gets mode 0666 less the umask.
    virtual int open(std::string const& path, int flags) = 0;
    virtual int close(int fd) = 0;
    virtual ssize_t pread(int fd, void* buffer, std::size_t size, std::uint64_t offset) = 0;
    virtual ssize_t pwrite(int fd, void const* buffer, std::size_t size, std::uint64_t offset) = 0;
    virtual int ftruncate(int fd, std::uint64_t size) = 0;
    /// Size of an open file in bytes, or -1.
    virtual std::int64_t size(int fd) = 0;
    virtual int fdatasync(int fd) = 0;
    virtual int fsync(int fd) = 0;
    virtual int rename(std::string const& from, std::string const& to) = 0;
    virtual int unlink(std::string const& path) = 0;
};

/// The real ones. Lives as long as the program.
[[nodiscard]] Files& posix_files() noexcept;

}  // namespace reprise
