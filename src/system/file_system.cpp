#include "reprise/system/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "reprise/system/fd.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

Fd open_file(std::string const& path, int flags, char const* operation) {
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (!fd) throw posix_error(errno, operation, path);
    return fd;
}

/// Reads up to `size` bytes; fewer only at the end of the file.
std::string read_up_to(int fd, std::size_t size, std::string const& path) {
    std::string content;
    std::array<char, 65536> buffer{};
    while (content.size() < size) {
        auto const count =
            ::read(fd, buffer.data(), std::min(buffer.size(), size - content.size()));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw posix_error(errno, "read", path);
        if (count == 0) break;
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return content;
}

void write_all(int fd, std::string_view content, std::string const& path) {
    while (!content.empty()) {
        auto const count = ::write(fd, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw posix_error(errno, "write", path);
        content.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string parent_of(std::string const& path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool has_type(std::string const& path, mode_t type) noexcept {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IFMT) == type;
}

/// Home directory from the password database; empty when there is no such user.
std::string home_of(std::string const& user) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (user.empty()) {
        ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
    } else {
        ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    }
    return found != nullptr ? found->pw_dir : "";
}

}  // namespace

std::string read_file(std::string const& path, std::size_t max_bytes) {
    auto const fd = open_file(path, O_RDONLY, "open");
    auto content = read_up_to(fd.get(), max_bytes + 1, path);
    if (content.size() > max_bytes) {
        throw Error(Error::Kind::other, "read", path,
                    "it has more than the " + std::to_string(max_bytes) + " bytes expected here",
                    "Is it the right file?");
    }
    return content;
}

std::string kernel_file(std::string const& path) {
    constexpr std::size_t max_bytes = std::size_t{4} * 1024 * 1024;
    try {
        return read_file(path, max_bytes);
    } catch (Error const&) {
        return {};
    }
}

void write_file(std::string const& path, std::string_view content) {
    auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, "write");
    write_all(fd.get(), content, path);
    fd.close();
}

void write_durably(std::string const& path, std::string_view content) {
    auto const temporary = path + ".tmp";
    auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "write");
    try {
        write_all(fd.get(), content, temporary);
        if (::fsync(fd.get()) != 0) throw posix_error(errno, "write", temporary);
        fd.close();
        if (::rename(temporary.c_str(), path.c_str()) != 0) {
            throw posix_error(errno, "replace", path);
        }
    } catch (Error const&) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_directory(parent_of(path));
}

void sync_directory(std::string const& path) {
    auto const fd = open_file(path, O_RDONLY | O_DIRECTORY, "open");
    // Some network file systems cannot sync a directory, and write names at once.
    if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
        throw posix_error(errno, "synchronise", path);
    }
}

void create_directories(std::string const& path) {
    if (is_directory(path)) return;
    for (auto slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        auto const parent = path.substr(0, slash);
        if (::mkdir(parent.c_str(), 0777) != 0 && !is_directory(parent)) {
            throw posix_error(errno, "make directory", parent);
        }
    }
    if (::mkdir(path.c_str(), 0777) != 0 && !is_directory(path)) {
        throw posix_error(errno, "make directory", path);
    }
}

std::vector<std::string> list_directory(std::string const& path) {
    std::unique_ptr<DIR, int (*)(DIR*)> const directory(::opendir(path.c_str()), &::closedir);
    if (!directory) throw posix_error(errno, "list", path);
    std::vector<std::string> names;
    while (true) {
        errno = 0;
        dirent const* const entry = ::readdir(directory.get());
        if (entry == nullptr && errno != 0) throw posix_error(errno, "list", path);
        if (entry == nullptr) break;
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool is_regular_file(std::string const& path) noexcept { return has_type(path, S_IFREG); }

bool is_directory(std::string const& path) noexcept { return has_type(path, S_IFDIR); }

void remove_file(std::string const& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw posix_error(errno, "remove", path);
}

std::string tail_of_file(std::string const& path, std::size_t max_lines, std::size_t max_bytes) {
    if (!is_regular_file(path) || max_lines == 0) return {};
    auto const fd = open_file(path, O_RDONLY, "open");
    auto const size = ::lseek(fd.get(), 0, SEEK_END);
    if (size < 0) throw posix_error(errno, "read", path);
    auto const start = std::max<off_t>(0, size - static_cast<off_t>(max_bytes));
    if (::lseek(fd.get(), start, SEEK_SET) < 0) throw posix_error(errno, "read", path);
    auto text = read_up_to(fd.get(), max_bytes, path);

    auto const last = text.find_last_not_of('\n');
    text.resize(last == std::string::npos ? 0 : last + 1);
    std::size_t begin = text.size();
    for (std::size_t lines = 0; lines < max_lines && begin != 0; ++lines) {
        auto const newline = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
        begin = newline == std::string::npos ? 0 : newline + 1;
    }
    bool const cut = begin == 0 && start > 0 && !text.empty();
    return (cut ? "…" : "") + text.substr(begin);
}

std::optional<std::string> find_program(std::string const& name, std::string const& search_path) {
    auto const is_program = [](std::string const& path) {
        return is_regular_file(path) && ::access(path.c_str(), X_OK) == 0;
    };
    if (name.empty()) return std::nullopt;
    if (name.find('/') != std::string::npos) {
        return is_program(name) ? std::optional(name) : std::nullopt;
    }
    for (std::size_t begin = 0; begin <= search_path.size();) {
        auto const end = std::min(search_path.find(':', begin), search_path.size());
        auto const directory = search_path.substr(begin, end - begin);
        auto candidate = (directory.empty() ? "." : directory) + "/" + name;
        if (is_program(candidate)) return candidate;
        begin = end + 1;
    }
    return std::nullopt;
}

std::string search_path() {
    char const* const path = std::getenv("PATH");
    return path == nullptr ? default_search_path : path;
}

std::string absolute_path(std::string const& path, std::string const& base) {
    auto const expanded = std::filesystem::path(expand_home(path));
    return (expanded.is_absolute() ? expanded : std::filesystem::path(base) / expanded)
        .lexically_normal()
        .string();
}

std::string expand_home(std::string const& path) {
    if (path.empty() || path.front() != '~') return path;
    auto const slash = std::min(path.find('/'), path.size());
    auto const user = path.substr(1, slash - 1);
    char const* const variable = user.empty() ? std::getenv("HOME") : nullptr;
    std::string const home = variable != nullptr && *variable != '\0' ? variable : home_of(user);
    return home.empty() ? path : home + path.substr(slash);
}

std::string own_executable() {
    std::array<char, PATH_MAX> buffer{};
    auto const length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
    if (length < 0) throw posix_error(errno, "read", "/proc/self/exe");
    return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string current_directory() {
    std::array<char, PATH_MAX> buffer{};
    if (::getcwd(buffer.data(), buffer.size()) == nullptr) {
        throw posix_error(errno, "find", "the current directory");
    }
    return buffer.data();
}

}  // namespace reprise
