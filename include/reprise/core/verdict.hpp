/// @file How a start of the job ends, and the word that cluster_utils gets for it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace reprise {

/// Named numbers in the order in which they are sent; finite, always.
using Metrics = std::vector<std::pair<std::string, double>>;

enum class VerdictKind {
    done,        ///< results and conclusion; exit code 0
    failed,      ///< error; exit code 1
    resume,      ///< exit for resume; exit code 3
    terminated,  ///< somebody ended the job (TERM, INT): no word; exit code 3
};

struct Verdict {
    VerdictKind kind = VerdictKind::failed;
    Metrics metrics;                   ///< done
    std::string reason;                ///< one line: why failed, or why it leaves
    std::vector<std::string> details;  ///< failed: further lines, such as the end of a stderr

    friend bool operator==(Verdict const&, Verdict const&) = default;
};

/// 0 done, 1 failed, 3 resume; no other.
[[nodiscard]] int exit_code_of(VerdictKind kind) noexcept;

}  // namespace reprise
