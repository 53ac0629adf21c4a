/// @file The POSIX calls of the results file, counted, and failing where a test says so.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "reprise/results/files.hpp"

namespace reprise::test {

/// How often something that changes the disk was asked for.
struct DiskCounts {
    int writes = 0;
    int syncs = 0;  ///< of files, fdatasync or fsync
    int folder_syncs = 0;
    int renames = 0;
    int creations = 0;
    std::uint64_t bytes_written = 0;

    friend bool operator==(DiskCounts const&, DiskCounts const&) = default;
};

/// Passes everything on to the real files. Calls that change the disk are numbered from 0; the one
/// with the number `fail_at` fails with `code` and does nothing. Syncs are not carried out: no test
/// takes the power away, and hundreds of them take minutes.
class FaultyFiles final : public Files {
  public:
    static constexpr int never = -1;

    int fail_at = never;
    int code = ENOSPC;
    bool stay_broken = false;              ///< every later call fails, too
    bool fail_after_the_act = false;       ///< it is done, and reported as failed
    bool deny_next_rename = false;         ///< it is done, and reported as failed
    std::size_t longest_write = SIZE_MAX;  ///< more than that is a short write
    int calls = 0;
    DiskCounts counts;

    [[nodiscard]] bool has_failed() const { return fail_at != never && calls > fail_at; }

    int open(std::string const& path, int flags) override {
        if ((flags & O_CREAT) == 0) {
            auto const fd = real_.open(path, flags);
            if ((flags & O_DIRECTORY) != 0) folder_ = fd;
            return fd;
        }
        ++counts.creations;
        return failing() ? failed() : real_.open(path, flags);
    }
    int close(int fd) override {
        if (fd == folder_) folder_ = -1;
        return real_.close(fd);
    }
    ssize_t pread(int fd, void* buffer, std::size_t size, std::uint64_t offset) override {
        return real_.pread(fd, buffer, size, offset);
    }
    ssize_t pwrite(int fd, void const* buffer, std::size_t size, std::uint64_t offset) override {
        ++counts.writes;
        auto const piece = size < longest_write ? size : longest_write;
        if (failing()) {
            // A disk that is full may still take a part of it.
            if (fail_after_the_act) real_.pwrite(fd, buffer, piece / 2, offset);
            return failed();
        }
        counts.bytes_written += piece;
        return real_.pwrite(fd, buffer, piece, offset);
    }
    int ftruncate(int fd, std::uint64_t size) override {
        return failing() ? failed() : real_.ftruncate(fd, size);
    }
    std::int64_t size(int fd) override { return real_.size(fd); }
    int fdatasync(int) override {
        ++counts.syncs;
        return failing() ? failed() : 0;
    }
    int fsync(int fd) override {
        ++(fd == folder_ ? counts.folder_syncs : counts.syncs);
        return failing() ? failed() : 0;
    }
    int rename(std::string const& from, std::string const& to) override {
        ++counts.renames;
        if (std::exchange(deny_next_rename, false)) {
            real_.rename(from, to);
            return failed();
        }
        if (!failing()) return real_.rename(from, to);
        if (fail_after_the_act) real_.rename(from, to);
        return failed();
    }
    int unlink(std::string const& path) override { return real_.unlink(path); }

  private:
    bool failing() {
        auto const number = calls++;
        return fail_at != never && (number == fail_at || (stay_broken && number > fail_at));
    }
    [[nodiscard]] int failed() const {
        errno = code;
        return -1;
    }

    Files& real_ = posix_files();
    int folder_ = -1;
};

}  // namespace reprise::test
