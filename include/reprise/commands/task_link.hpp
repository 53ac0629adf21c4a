/// @file Another task's connection to the launcher of task 0.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reprise/commands/other_tasks.hpp"
#include "reprise/commands/task_messages.hpp"
#include "reprise/core/verdict.hpp"
#include "reprise/system/local_channel.hpp"

namespace reprise {

class TaskLink final : public OtherTasks {
  public:
    /// @param task this one, from 1. The clock must outlive the link.
    TaskLink(int task, Clock const& clock) : task_(task), clock_(clock) {}

    void add_poll_fds(std::vector<pollfd>& fds) const override;
    void advance() override;
    /// Connects. Blocks while it tries; who cannot be reached is lost.
    void met(std::string const& hub) override;
    [[nodiscard]] std::optional<std::string> lost() const override;
    [[nodiscard]] bool deserted() const override { return alone_since_.has_value(); }
    [[nodiscard]] std::optional<TimePoint> deadline() const override;

    [[nodiscard]] bool connected() const noexcept { return channel_.has_value(); }
    /// @param how empty: in order
    void tell_gone(std::string const& how);
    /// Waits for task 0's last word; nothing when it is gone, or says nothing for so long.
    [[nodiscard]] std::optional<VerdictKind> wait_for_leave(Duration limit);

  private:
    int task_;
    Clock const& clock_;
    std::optional<Channel> channel_;
    std::optional<std::string> lost_;
    std::optional<TimePoint> alone_since_;  ///< task 0's launcher is gone
    std::optional<VerdictKind> leave_;
};

}  // namespace reprise
