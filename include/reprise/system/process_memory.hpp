/// @file How much memory processes use together.
#pragma once

#include <span>
#include <string>

#include "reprise/system/process_tree.hpp"

namespace reprise {

/// In MiB: the sum of their proportional set sizes, in which a page that k processes share counts
/// 1/k for each; of a process that does not let us see that (another user's, Linux before 4.14) its
/// resident set. Processes that have ended count nothing. Files in a tmpfs count only as far as
/// they are mapped.
/// @param proc another place than /proc, for tests
[[nodiscard]] double memory_used_mb(std::span<ProcessId const> processes,
                                    std::string const& proc = "/proc");

}  // namespace reprise
