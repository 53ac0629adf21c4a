/// @file What the job says to cluster_utils, if a server listens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "reprise/core/doors.hpp"
#include "reprise/core/verdict.hpp"
#include "reprise/parameters/job_arguments.hpp"
#include "reprise/protocol/cluster_messages.hpp"

namespace reprise {

class ServerVoice {
  public:
    /// Speaks to nobody: a job by hand.
    ServerVoice() = default;
    /// Resolves the server's name; throws Error{unreachable}. Without a server it is mute.
    explicit ServerVoice(JobArguments const& arguments);
    /// For tests.
    ServerVoice(std::unique_ptr<ServerLink> link, std::int64_t job_id);

    void started(std::string const& host);
    void progress(double fraction);
    void early_report(Metrics const& metrics);
    /// The one last word: results and conclusion, or error, or exit for resume, or, when somebody
    /// ended the job, nothing. Everything else must be over: the server may start the job again
    /// before this returns.
    void last_word(Verdict const& verdict);

    /// Puts the word for a job that nobody can speak for any more, exit for resume, into its
    /// scratch directory, for the guardian there. A failure is a warning. Nothing happens when it
    /// is mute.
    void leave_last_will(std::string const& directory) const;

    [[nodiscard]] bool mute() const noexcept { return link_ == nullptr; }

  private:
    void say(cluster::Message const& message);

    std::unique_ptr<ServerLink> link_;
    std::optional<ServerAddress> server_;
    std::int64_t job_id_ = 0;
};

}  // namespace reprise
