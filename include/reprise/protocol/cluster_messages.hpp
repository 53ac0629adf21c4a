/// @file The seven messages that a job sends to the cluster_utils server (3.0.0:
/// cluster_utils/base/communication.py, client/server_communication.py), and their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace reprise::cluster {

/// Names and values in the order in which the server shall see them. Expects in every message:
/// names are unique, values are finite.
using Metrics = std::vector<std::pair<std::string, double>>;

/// Type 0. The job runs (again). The first message of every start.
struct JobStarted {
    std::int64_t id = 0;
    std::string hostname;  ///< any bytes; at most max_hostname_bytes are sent
    friend bool operator==(JobStarted const&, JobStarted const&) = default;
};

/// Type 1. The job failed for good. Nothing may follow, least of all JobConcluded: the server
/// would replace the reason by "Job concluded but sent no results".
struct ErrorEncountered {
    std::int64_t id = 0;
    std::vector<std::string> lines;  ///< any bytes, each with its newline (error_report.hpp)
    friend bool operator==(ErrorEncountered const&, ErrorEncountered const&) = default;
};

/// Type 2. The final metrics.
struct ResultsSent {
    std::int64_t id = 0;
    Metrics metrics;
    friend bool operator==(ResultsSent const&, ResultsSent const&) = default;
};

/// Type 3. The job is over. Follows ResultsSent within 5 s, or the job counts as failed.
struct JobConcluded {
    std::int64_t id = 0;
    friend bool operator==(JobConcluded const&, JobConcluded const&) = default;
};

/// Type 4. The job leaves and wants to be started again. The server does that at once: send it
/// last, when nothing of this start touches the working directory any more.
struct ExitForResume {
    std::int64_t id = 0;
    friend bool operator==(ExitForResume const&, ExitForResume const&) = default;
};

/// Type 5. How much of the sample's work is done. Expects 0 < fraction <= 1: the server ignores
/// others. It divides the time since the first start by it.
struct Progress {
    std::int64_t id = 0;
    double fraction = 0.0;
    friend bool operator==(Progress const&, Progress const&) = default;
};

/// Type 6. Metrics of an unfinished job; the server compares the n-th report with the n-th of the
/// other jobs.
struct EarlyReport {
    std::int64_t id = 0;
    Metrics metrics;
    friend bool operator==(EarlyReport const&, EarlyReport const&) = default;
};

/// The index of an alternative is the message type's number on the wire.
using Message = std::variant<JobStarted, ErrorEncountered, ResultsSent, JobConcluded, ExitForResume,
                             Progress, EarlyReport>;

/// Largest payload of a UDP datagram over IPv4 (65,535 - 20 - 8).
inline constexpr std::size_t max_datagram_bytes = 65'507;

/// Longest host name that is sent (DNS allows 255 bytes).
inline constexpr std::size_t max_hostname_bytes = 1'024;

/// The message's name in cluster_utils, e.g. "JOB_STARTED".
[[nodiscard]] char const* name_of(Message const& message) noexcept;

/// The datagram: a pickle, protocol 4, of (type, payload), at most max_datagram_bytes long. An
/// error text that does not fit is cut (cut_to_fit). Texts become valid UTF-8.
/// Expects what the messages say, and that the metrics fit into one datagram.
[[nodiscard]] std::vector<std::byte> encode(Message const& message);

}  // namespace reprise::cluster
