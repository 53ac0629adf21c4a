// The static helper is built with this file too: nothing but libc and containers may be used here.
#include "reprise/system/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace reprise {
namespace {

/// Opens a directory for reading and writing in it, also one that forbids its owner to.
int open_directory(int parent_fd, char const* name) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = ::openat(parent_fd, name, flags);
    if (fd < 0 && errno == EACCES && ::fchmodat(parent_fd, name, 0700, 0) == 0) {
        fd = ::openat(parent_fd, name, flags);
    }
    struct stat info {};
    if (fd >= 0 && ::fstat(fd, &info) == 0 && (info.st_mode & 0700U) != 0700U) ::fchmod(fd, 0700);
    return fd;
}

/// Names in a directory; the descriptor stays with the caller.
std::vector<std::string> names_in(int fd) {
    std::vector<std::string> names;
    int const copy = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const stream = copy < 0 ? nullptr : ::fdopendir(copy);
    if (stream == nullptr) {
        if (copy >= 0) ::close(copy);
        return names;
    }
    while (dirent const* const entry = ::readdir(stream)) {
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
            names.emplace_back(entry->d_name);
        }
    }
    ::closedir(stream);
    return names;
}

}  // namespace

bool remove_tree(int parent_fd, char const* path) {
    struct Level {
        int fd;
        std::string name;  ///< in the level above
        std::vector<std::string> names;
    };
    std::vector<Level> levels;  // no recursion: what is below may be nested as deeply as it likes
    bool complete = true;
    auto const remove = [&](int in, std::string const& name) {
        if (::unlinkat(in, name.c_str(), 0) == 0 || errno == ENOENT) return;
        int const fd = open_directory(in, name.c_str());
        if (fd < 0) {
            complete = false;
            return;
        }
        levels.push_back({fd, name, names_in(fd)});
    };
    remove(parent_fd, path);
    while (!levels.empty()) {
        if (auto& names = levels.back().names; !names.empty()) {
            auto const name = std::move(names.back());
            names.pop_back();
            remove(levels.back().fd, name);
            continue;
        }
        auto const done = std::move(levels.back());
        levels.pop_back();
        ::close(done.fd);
        int const above = levels.empty() ? parent_fd : levels.back().fd;
        if (::unlinkat(above, done.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            complete = false;
        }
    }
    return complete;
}

}  // namespace reprise
