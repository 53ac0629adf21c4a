#include "io.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace reprise::results {
namespace {

struct Meaning {
    Error::Kind kind;
    char const* suggestion;
};

Meaning meaning_of(int code) {
    using Kind = Error::Kind;
    switch (code) {
        case ENOENT:
        case ENOTDIR:
            return {Kind::not_found, "Check the path; the folder has to exist."};
        case EACCES:
        case EPERM:
        case EROFS:
            return {Kind::permission, "Check who may write and read there."};
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return {Kind::no_space,
                    "Make room or raise the limit, then start again: what was recorded is kept."};
        case EBUSY:
        case ETXTBSY:
            return {Kind::busy, "Wait until nobody else uses it."};
        case EIO:
        case ESTALE:
            return {Kind::other, "Check the disk or file server; what was recorded is kept."};
        default:
            return {Kind::other, "What was recorded is kept."};
    }
}

}  // namespace

void FileDescriptor::close(std::string const& subject) {
    if (fd_ < 0) return;
    // Not repeated after EINTR: on Linux the descriptor is gone then, too.
    if (files_->close(std::exchange(fd_, -1)) != 0 && errno != EINTR)
        throw_system_error(errno, "close results file", subject);
}

void throw_system_error(int code, std::string const& operation, std::string const& subject) {
    auto const [kind, suggestion] = meaning_of(code);
    throw Error(kind, operation, subject, std::generic_category().message(code), suggestion);
}

Error corrupt_file(std::string const& path, std::string const& cause) {
    return {Error::Kind::corrupt, "read results file", path, cause,
            "Restore it from a copy, or move it away to begin the sample anew."};
}

FileDescriptor open_file(Files& files, std::string const& path, int flags,
                         std::string const& operation) {
    for (;;) {
        auto const fd = files.open(path, flags);
        if (fd >= 0) return {files, fd};
        if (errno != EINTR) throw_system_error(errno, operation, path);
    }
}

int read_fully(Files& files, int fd, std::span<std::byte> bytes, std::uint64_t offset,
               AtEnd at_end) {
    while (!bytes.empty()) {
        auto const got = files.pread(fd, bytes.data(), bytes.size(), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) {
            if (at_end == AtEnd::error) return EIO;
            std::fill(bytes.begin(), bytes.end(), std::byte{0});
            return 0;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return 0;
}

int write_fully(Files& files, int fd, std::span<std::byte const> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        auto const put = files.pwrite(fd, bytes.data(), bytes.size(), offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        if (put == 0) return ENOSPC;  // POSIX leaves it open what 0 means; going on might never end
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return 0;
}

void read_exactly(FileDescriptor const& file, std::span<std::byte> bytes, std::uint64_t offset,
                  std::string const& path) {
    auto const code = read_fully(file.files(), file.get(), bytes, offset, AtEnd::error);
    if (code != 0) throw_system_error(code, "read results file", path);
}

void write_all(FileDescriptor const& file, std::span<std::byte const> bytes, std::uint64_t offset,
               std::string const& path) {
    auto const code = write_fully(file.files(), file.get(), bytes, offset);
    if (code != 0) throw_system_error(code, "write results file", path);
}

void sync_folder(Files& files, std::string const& folder) {
    auto const directory = open_file(files, folder, O_RDONLY | O_DIRECTORY, "open folder");
    if (files.fsync(directory.get()) != 0 && errno != EINVAL && errno != ENOTSUP)
        throw_system_error(errno, "sync folder", folder);
}

}  // namespace reprise::results
