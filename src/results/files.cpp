#include "reprise/results/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace reprise {
namespace {

class PosixFiles final : public Files {
  public:
    int open(std::string const& path, int flags) override {
        return ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    }
    int close(int fd) override { return ::close(fd); }
    ssize_t pread(int fd, void* buffer, std::size_t size, std::uint64_t offset) override {
        return ::pread(fd, buffer, size, static_cast<off_t>(offset));
    }
    ssize_t pwrite(int fd, void const* buffer, std::size_t size, std::uint64_t offset) override {
        return ::pwrite(fd, buffer, size, static_cast<off_t>(offset));
    }
    int ftruncate(int fd, std::uint64_t size) override {
        return ::ftruncate(fd, static_cast<off_t>(size));
    }
    std::int64_t size(int fd) override {
        struct stat facts {};
        return ::fstat(fd, &facts) == 0 ? facts.st_size : -1;
    }
    int fdatasync(int fd) override { return ::fdatasync(fd); }
    int fsync(int fd) override { return ::fsync(fd); }
    int rename(std::string const& from, std::string const& to) override {
        return ::rename(from.c_str(), to.c_str());
    }
    int unlink(std::string const& path) override { return ::unlink(path.c_str()); }
};

}  // namespace

Files& posix_files() noexcept {
    static PosixFiles files;
    return files;
}

}  // namespace reprise
