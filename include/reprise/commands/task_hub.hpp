/// @file Task 0's end of the connections to the other tasks' launchers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/other_tasks.hpp"
#include "reprise/commands/task_messages.hpp"
#include "reprise/core/verdict.hpp"
#include "reprise/system/local_channel.hpp"
#include "reprise/system/tcp.hpp"

namespace reprise {

class TaskHub final : public OtherTasks {
  public:
    /// @param tasks all of them, this one too. Throws Error.
    explicit TaskHub(int tasks);

    /// For the other tasks, and nobody else: "SECRET PORT HOST ADDRESS ADDRESS …".
    [[nodiscard]] std::string const& address() const noexcept { return address_; }

    void add_poll_fds(std::vector<pollfd>& fds) const override;
    void advance() override;
    void met(std::string const& /*hub*/) override {}
    [[nodiscard]] std::optional<std::string> lost() const override { return lost_; }
    /// Whether a launcher on another node has ended without a word: perhaps its node is lost.
    [[nodiscard]] bool lost_perhaps_a_node() const noexcept { return lost_perhaps_a_node_; }

    /// Those who are still there end whatever runs.
    void end_all();
    /// Waits until every task that was ever there has said that it is gone, at most so long.
    /// Returns whether that is so. @param expect_all that every task was or will be there
    bool wait_until_gone(Duration limit, bool expect_all);
    /// The last word to them.
    void dismiss(VerdictKind verdict);

  private:
    struct Peer {
        Channel channel;
        int task = -1;  ///< -1: has not said yet who it is
        std::string host;
        bool gone = false;
    };

    void accept();
    void read(Peer& peer);
    void hear(Peer& peer, TaskMessage const& message);
    void lose(Peer const& peer, std::string const& how);
    [[nodiscard]] std::size_t gone() const;

    TcpListener listener_;
    int tasks_;
    std::string secret_;
    std::string address_;
    std::vector<Peer> peers_;
    std::optional<std::string> lost_;
    bool lost_perhaps_a_node_ = false;
};

}  // namespace reprise
