/// @file Locks: one that keeps two jobs out of one directory, also between the nodes of a cluster,
/// and one that tells who of this host still needs a directory.
#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "reprise/system/fd.hpp"

namespace reprise {

struct LockAttempt;

/// Holds an exclusive lock on a file (an open-file-description lock, fcntl(2): the kernel frees it
/// when the holder dies, however it dies; NFS and Lustre pass it on to the other nodes when they
/// are mounted with locks). The file exists while the lock is held and says who holds it.
class FileLock {
  public:
    /// Tries once, without waiting; creates the file. Throws Error when the file cannot be made.
    /// A caller that waits tries again from time to time: nothing tells when the lock is free.
    [[nodiscard]] static LockAttempt try_lock(std::string const& path);

    FileLock(FileLock&& other) noexcept = default;
    FileLock& operator=(FileLock&& other) noexcept;
    FileLock(FileLock const&) = delete;
    FileLock& operator=(FileLock const&) = delete;
    ~FileLock();

    /// Removes the file and frees the lock. Nothing happens the second time.
    void release() noexcept;

  private:
    FileLock(std::string path, Fd fd) noexcept;

    std::string path_;
    Fd fd_;
};
static_assert(std::is_nothrow_move_constructible_v<FileLock> &&
              std::is_nothrow_move_assignable_v<FileLock>);

struct LockAttempt {
    enum class Outcome {
        acquired,
        held,         ///< by somebody else
        unsupported,  ///< this file system has no locks: warn once and go on without
    };
    Outcome outcome = Outcome::unsupported;
    std::optional<FileLock> lock;  ///< when acquired
    std::string
        holder;  ///< when held: "host HOST, pid PID, since YYYY-MM-DD HH:MM:SS"; may be empty
    std::string cause;  ///< when unsupported: what the system said
};

/// A lock on a directory of this host and user that stands for somebody who lives (flock(2): on
/// this host alone, and freed when its holders are gone). It keeps sweepers away.
/// @param operation as flock(2) has it; with LOCK_NB it does not wait
/// @return no descriptor when another one holds it, or when the directory is not ours or gone
[[nodiscard]] Fd try_hold_directory(std::string const& path, int operation);

}  // namespace reprise
