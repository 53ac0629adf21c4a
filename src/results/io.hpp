/// @file Whole reads and writes on top of Files, and what errno means to a user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "reprise/core/error.hpp"
#include "reprise/results/files.hpp"

namespace reprise::results {

/// Bytes read or written at a time where a whole file passes through.
inline constexpr std::size_t chunk_size = std::size_t{1} << 18;

/// An open file. Move-only; closes silently unless close() was called.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    FileDescriptor(Files& files, int fd) noexcept : files_(&files), fd_(fd) {}
    FileDescriptor(FileDescriptor const&) = delete;
    FileDescriptor& operator=(FileDescriptor const&) = delete;
    FileDescriptor(FileDescriptor&& other) noexcept
        : files_(other.files_), fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(files_, other.files_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor() {
        if (fd_ >= 0) files_->close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] Files& files() const noexcept { return *files_; }
    /// Throws Error when the operating system reports one (NFS writes at the latest here).
    void close(std::string const& subject);

  private:
    Files* files_ = nullptr;
    int fd_ = -1;
};

/// Throws the Error that `code` (an errno) stands for.
[[noreturn]] void throw_system_error(int code, std::string const& operation,
                                     std::string const& subject);

/// The Error for a file whose content cannot be trusted.
[[nodiscard]] Error corrupt_file(std::string const& path, std::string const& cause);

/// Throws Error, not_found, permission and so on.
[[nodiscard]] FileDescriptor open_file(Files& files, std::string const& path, int flags,
                                       std::string const& operation);

/// Fills `bytes`; throws Error (corrupt) where the file ends before.
void read_exactly(FileDescriptor const& file, std::span<std::byte> bytes, std::uint64_t offset,
                  std::string const& path);
/// Writes all of `bytes`, or throws Error with an unknown part of them written.
void write_all(FileDescriptor const& file, std::span<std::byte const> bytes, std::uint64_t offset,
               std::string const& path);

/// As pread and pwrite on the whole span. Return 0 or an errno; the end of the file is EIO for
/// `read_fully` when `at_end` says so, else the rest is zeros.
enum class AtEnd { error, zeros };
[[nodiscard]] int read_fully(Files& files, int fd, std::span<std::byte> bytes, std::uint64_t offset,
                             AtEnd at_end);
[[nodiscard]] int write_fully(Files& files, int fd, std::span<std::byte const> bytes,
                              std::uint64_t offset);

/// Makes a rename in the folder durable. File systems that cannot sync a folder (EINVAL) are
/// trusted to do without.
void sync_folder(Files& files, std::string const& folder);

}  // namespace reprise::results
