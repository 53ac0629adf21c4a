/// @file A poke that ends another rank's sleep in poll.
#pragma once

#include <string>

#include "reprise/system/fd.hpp"

namespace reprise {

/// Wakes ranks on the same host that sleep in poll. A poke carries nothing: whoever wakes looks
/// for messages where they are. Ranks on other hosts cannot be poked.
class WakeUp {
  public:
    /// `token` is the same for all ranks of a job and different from every other job's on the host.
    /// Throws Error: busy when this rank is there already. Expects at most 80 bytes of token.
    WakeUp(std::string const& token, int rank);

    /// Readable (poll) when somebody has poked.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// Never blocks. Returns false when no such rank listens on this host.
    bool poke(int rank) noexcept;
    /// Takes all pokes, so that fd() is silent again. Returns whether there was one.
    bool drain() noexcept;

  private:
    std::string token_;
    Fd fd_;
};

}  // namespace reprise
