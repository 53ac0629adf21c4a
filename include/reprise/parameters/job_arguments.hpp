/// @file The arguments of `reprise job`, in the two forms of cluster_utils and the one by hand.
///
///   --job-id=N --cluster-utils-server=HOST:PORT --parameter-dict "{…}" [key=value …]    (3.x)
///   "{'_id': N, 'ip': HOST, 'port': PORT}" "{…}" [key=value …]                           (2.x)
///   settings.json|settings.toml [key=value …]                                        (by hand)
///   --parameter-dict "{…}" [key=value …]                                             (by hand)
///
/// Reading them and loading the parameters are two steps, so that a fault in the parameters can
/// be reported to a server that the first step has found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reprise {

/// Where the cluster_utils server listens (UDP).
struct ServerAddress {
    std::string host;  ///< name, IPv4, or IPv6 without brackets; not resolved
    std::uint16_t port = 0;

    friend bool operator==(ServerAddress const&, ServerAddress const&) = default;
};

/// Where the parameters come from.
struct ParameterSource {
    enum class Kind : std::uint8_t { dictionary, file };
    Kind kind = Kind::file;
    std::string text;                    ///< the literal, or the path of the file
    std::vector<std::string> overrides;  ///< key=value, in order

    friend bool operator==(ParameterSource const&, ParameterSource const&) = default;
};

struct JobArguments {
    /// Set when a server waits for the job; job_id is set then, too.
    std::optional<ServerAddress> server;
    std::optional<std::int64_t> job_id;
    ParameterSource source;
};

/// @param arguments without the program, the word `job` and the options of the program itself.
/// @throws InputError for everything that keeps server, id and source from being known.
[[nodiscard]] JobArguments parse_job_arguments(std::vector<std::string> const& arguments);

}  // namespace reprise
