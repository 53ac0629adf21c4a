/// @file A private directory for the sockets and segments that mpirun and MPI put on disk, and for
/// what a container needs there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reprise/system/child_process.hpp"
#include "reprise/system/fd.hpp"

namespace reprise {

/// Where scratch directories are made, the best place first: in /dev/shm, since MPI's segments are
/// mapped files, else in /tmp.
[[nodiscard]] std::vector<std::string> scratch_bases();

/// MPI's segments and session folders need so much for a job with a few ranks. (Open MPI 4.1 has
/// one segment of 4 MiB for each, and stops with messages of its own when it finds no room.)
inline constexpr std::uint64_t scratch_room_mb = 16;

/// Made in the first base that has room for it, else where it can be made at all; removed with its
/// content.
///
/// Others see to it that it is removed when the owner was killed: guardians, children of the
/// owner's, the first of which also makes it (src/container/run_helper/guard.hpp), and, should they
/// have been killed too, the next one that makes a scratch directory here. All leave it alone as
/// long as somebody holds a shared lock (flock(2)) on it: the owner, and everybody else who needs
/// it (ScratchHold).
class ScratchDirectory {
  public:
    /// @param name begins with "reprise." and is nobody else's. Throws Error.
    /// @param guardians two where nobody else would do a guardian's work, should it be killed
    ///        together with the owner
    explicit ScratchDirectory(std::string const& name,
                              std::vector<std::string> const& bases = scratch_bases(),
                              int guardians = 1);
    ScratchDirectory(ScratchDirectory const&) = delete;
    ScratchDirectory& operator=(ScratchDirectory const&) = delete;
    ~ScratchDirectory();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }
    /// False when its disk is full, or nearly so: less than scratch_room_mb is left.
    [[nodiscard]] bool has_room() const;
    /// Children of this process that kill_all_descendants() should spare.
    [[nodiscard]] std::vector<pid_t> guardians() const;

  private:
    [[nodiscard]] int make(int guardians);

    std::string path_;
    Fd lock_;
    Fd leash_;  ///< the guardians wake up when this is closed, however that came about
    std::vector<ChildProcess> guardians_;
};

/// Somebody else's scratch directory, kept from being removed as long as this lives, unless the
/// owner removes it.
struct ScratchHold {
    std::string path;
    Fd lock;
};

/// Nothing when there is no directory of that name.
[[nodiscard]] std::optional<ScratchHold> hold_scratch(
    std::string const& name, std::vector<std::string> const& bases = scratch_bases());

/// Removes what killed owners and guardians left behind.
void sweep_scratch(std::vector<std::string> const& bases = scratch_bases()) noexcept;

/// Removes the scratch directory of that name, wherever it is: for a rank that outlives its
/// launcher.
void remove_scratch(std::string const& name,
                    std::vector<std::string> const& bases = scratch_bases()) noexcept;

}  // namespace reprise
