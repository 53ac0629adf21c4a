/// @file Connections of one process that another one keeps from being closed by its death.
///
/// Who talks to a process over TCP learns of its death at once, because the kernel closes what it
/// had open. Where that makes others act before its parent could (PMIx, see ARCHITECTURE.md), the
/// parent holds the same connections open. They come through a socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "reprise/system/fd.hpp"

namespace reprise {

/// The process's side.
class SocketOffer {
  public:
    /// @param through end of a SocketKeeper's pair; stays with the caller; -1: nobody keeps any
    explicit SocketOffer(int through) : through_(through) {}

    /// Hands over every TCP socket that this process has now and had not before. A failure is
    /// nothing worse than what would be without it.
    void hand_over();

  private:
    int through_;
    std::set<unsigned long> known_;  ///< inodes
};

/// The parent's side.
class SocketKeeper {
  public:
    /// Throws Error.
    SocketKeeper();

    /// Readable (poll) when sockets arrive.
    [[nodiscard]] int fd() const noexcept { return pair_.ours.get(); }
    /// What the process gets; to be closed here once it has it.
    [[nodiscard]] Fd& other_end() noexcept { return pair_.theirs; }
    /// Takes what has arrived. Never blocks.
    void take();
    /// Takes what a child of this process has open and had not before, without its doing: for the
    /// time until it can offer by itself. Does nothing where that is not allowed (pidfd_getfd(2):
    /// before Linux 5.6, for one).
    void grab(pid_t child);
    /// Those whose other end is one of these TCP ports of this host, numbers with spaces between.
    [[nodiscard]] std::vector<int> connected_to(std::string const& ports) const;

  private:
    void keep(Fd fd);

    SocketPair pair_;
    std::vector<Fd> kept_;
    std::set<unsigned long> known_;  ///< inodes, of those that are not kept too
    bool ended_ = false;
};

/// Leaves a child behind that keeps these sockets open until their other ends are closed, but not
/// longer than ten seconds, and does nothing else.
void keep_open_beyond_our_end(std::vector<int> const& sockets) noexcept;

}  // namespace reprise
