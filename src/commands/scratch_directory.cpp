#include "reprise/commands/scratch_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

/// The directory with its lock, or nothing when it is not ours, in use, or gone.
Fd lock_directory(std::string const& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat opened {};
    struct stat there {};
    // Between opening and locking somebody may have swept it away.
    bool const ours = fd && ::fstat(fd.get(), &opened) == 0 && opened.st_uid == ::geteuid() &&
                      ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
                      ::lstat(path.c_str(), &there) == 0 && there.st_ino == opened.st_ino;
    return ours ? std::move(fd) : Fd();
}

/// Removes what killed owners left behind.
void sweep(std::string const& base) {
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(base, ignored)) {
        auto const name = entry.path().filename().string();
        // "reprise." and a process number: nobody else's directories are touched.
        if (name.rfind("reprise.", 0) != 0 || name.find_first_of("0123456789") != 8) continue;
        if (auto const lock = lock_directory(entry.path().string())) {
            fs::remove_all(entry.path(), ignored);
        }
    }
}

}  // namespace

std::vector<std::string> scratch_bases() { return {"/dev/shm", "/tmp"}; }

ScratchDirectory::ScratchDirectory(std::string const& name, std::vector<std::string> const& bases) {
    int error = 0;
    for (auto const& base : bases) {
        sweep(base);
        path_ = base + "/" + name;
        if (::mkdir(path_.c_str(), 0700) == 0 && (lock_ = lock_directory(path_))) return;
        error = errno;
    }
    throw posix_error(error, "create directory", path_);
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void remove_scratch(std::string const& name, std::vector<std::string> const& bases) noexcept {
    for (auto const& base : bases) {
        std::error_code ignored;
        fs::remove_all(base + "/" + name, ignored);
    }
}

}  // namespace reprise
