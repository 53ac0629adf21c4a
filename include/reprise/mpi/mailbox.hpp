/// @file The door to MPI: a session and the messages between ranks.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/mpi/request.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reprise/core/doors.hpp"

namespace reprise {

/// MPI from MPI_Init to MPI_Finalize. An exception that leaves its scope must be caught inside it:
/// outside, Boost.MPI aborts the whole job before any handler runs.
class MpiSession {
  public:
    MpiSession();
    MpiSession(MpiSession const&) = delete;
    MpiSession& operator=(MpiSession const&) = delete;
    ~MpiSession() = default;

    [[nodiscard]] boost::mpi::communicator const& world() const noexcept { return world_; }
    /// Host names of all ranks, by rank. Collective: every rank must call it. Blocks.
    [[nodiscard]] std::vector<std::string> hosts(std::string const& own) const;
    /// What rank 0 has given here. Collective. Blocks.
    [[nodiscard]] std::string of_rank_zero(std::string text) const;

  private:
    boost::mpi::environment environment_;
    boost::mpi::communicator world_;
};

/// Messages by MPI. A waiting Open MPI rank burns a core, so nothing here blocks: receive() probes,
/// and the sender wakes the receiver through `poke` (which may do nothing for a distant rank).
class MpiMailbox final : public Mailbox {
  public:
    /// The session must outlive the mailbox.
    MpiMailbox(MpiSession const& session, std::function<void(int rank)> poke);
    MpiMailbox(MpiMailbox const&) = delete;
    MpiMailbox& operator=(MpiMailbox const&) = delete;
    /// Gives up on messages that have not left: the job is over when it runs.
    ~MpiMailbox() override;

    [[nodiscard]] int rank() const override { return world_.rank(); }
    [[nodiscard]] int size() const override { return world_.size(); }
    void send(int to, std::string bytes) override;
    std::optional<RankMessage> receive() override;

    /// Lets messages progress. Returns whether some have not left yet: call again soon then.
    bool sending();

  private:
    /// Buffer and request stay together until MPI needs neither.
    struct Outgoing {
        std::string bytes;
        boost::mpi::request request;
    };

    boost::mpi::communicator world_;
    std::function<void(int)> poke_;
    std::list<std::unique_ptr<Outgoing>> outgoing_;
};

}  // namespace reprise
