/// @file What a results file says about its sample (docs/results_file.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace reprise {

/// Facts about a sample that never change: written when the file is made, never again.
/// Texts are UTF-8. Trailing NUL characters are not kept.
struct SampleDescription {
    std::string parameters;  ///< as given, JSON text
    std::string canonical;   ///< what defines the sample, as the text that the digest is taken of
    std::string digest;      ///< of `canonical`; a start with another digest is refused
    std::map<std::string, std::string> configurations;  ///< name of the file -> merged JSON text
    std::map<std::string, std::string> commands;        ///< e.g. "learner" -> command line
    std::map<std::string, std::string>
        versions;                        ///< e.g. "reprise" -> "0.1.0"; at most 32 KiB each
    std::optional<std::int64_t> job_id;  ///< cluster_utils' id; none by hand
    std::string working_dir;
    double created = 0.0;  ///< seconds since the epoch

    friend bool operator==(SampleDescription const&, SampleDescription const&) = default;
};

}  // namespace reprise
