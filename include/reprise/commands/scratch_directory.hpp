/// @file A private directory for the sockets and segments that mpirun and MPI put on disk.
#pragma once

#include <string>
#include <vector>

#include "reprise/system/fd.hpp"

namespace reprise {

/// Where scratch directories are made, the best place first: in /dev/shm, since MPI's segments are
/// mapped files, else in /tmp.
[[nodiscard]] std::vector<std::string> scratch_bases();

/// Made in the first base that has room for it; removed with its content. A directory whose owner was killed is removed by the next one that is made: the
/// owner holds a lock on it, which ends with its process.
class ScratchDirectory {
  public:
    /// @param name begins with "reprise." and is nobody else's. Throws Error.
    explicit ScratchDirectory(std::string const& name,
                              std::vector<std::string> const& bases = scratch_bases());
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
void remove_scratch(std::string const& name,
                    std::vector<std::string> const& bases = scratch_bases()) noexcept;

}  // namespace reprise
