/// @file A private directory for the sockets and segments that mpirun and MPI put on disk.
#pragma once

#include <string>

#include "reprise/system/fd.hpp"

namespace reprise {

/// Made in /dev/shm where possible (MPI's segments are mapped files), else in /tmp; removed with
/// its content. A directory whose owner was killed is removed by the next one that is made: the
/// owner holds a lock on it, which ends with its process.
class ScratchDirectory {
  public:
    /// @param name begins with "reprise." and is nobody else's. Throws Error.
    explicit ScratchDirectory(std::string const& name);
    ScratchDirectory(ScratchDirectory const&) = delete;
    ScratchDirectory& operator=(ScratchDirectory const&) = delete;
    ~ScratchDirectory();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }

  private:
    std::string path_;
    Fd lock_;
};

/// Removes the scratch directory of that name, wherever it is: for a rank that outlives its
/// launcher.
void remove_scratch(std::string const& name) noexcept;

}  // namespace reprise
