/// @file What defines a sample, so that a working directory is never continued with another one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reprise/parameters/job_spec.hpp"
#include "reprise/parameters/run_configuration.hpp"

namespace reprise {

/// Kept in the results file.
struct SampleDigest {
    /// JSON on one line, an object: parameter name (with dots and :index) -> value, sorted by
    /// name. Defaults are filled in; the merged configuration files stand under "config.", the
    /// configuration without template files under its own names. The user's parameters that
    /// nobody uses are not in it, nor are working_dir, id and changeable_parameters().
    std::string text;
    /// SHA-256 (FIPS 180-4) of the text, 64 hexadecimal digits.
    std::string hex;
};

[[nodiscard]] SampleDigest digest_sample(JobSpec const& spec,
                                         ConfigurationSet const& configuration);

/// The parameters that may change between two starts of the same sample.
[[nodiscard]] std::vector<std::string> const& changeable_parameters();

/// Names the first parameter that differs, with both values: "parameter 'a' is 2 and was 1 when
/// this sample was begun (…). …"; nothing when both are the same sample.
/// @param stored,now texts of two digests. A stored text that cannot be read is a difference.
[[nodiscard]] std::optional<std::string> first_difference(std::string_view stored,
                                                          std::string_view now);

}  // namespace reprise
