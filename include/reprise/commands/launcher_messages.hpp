/// @file What rank 0 tells the launcher, and its bytes (CBOR). The launcher speaks the last word to
/// cluster_utils once everything below it is gone, and prints the ranks' log, so that nothing of
/// mpirun's own output gets between. Where somebody else starts the ranks, each of them has a
/// launcher of its own to talk to.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "reprise/commands/log.hpp"
#include "reprise/core/verdict.hpp"

namespace reprise {

struct LogLine {
    LogLevel level = LogLevel::info;
    std::string line;
};
/// The row of this start is on disk: from now on a loss is a loss of this start.
struct StartRecorded {
    int number = 0;
};
/// Rank 0 is done; its state is on disk and the lock is free.
struct VerdictReached {
    Verdict verdict;
};
/// MPI is up. Only where every rank has a launcher of its own; then each of them says it.
struct TasksMet {
    std::string hub;  ///< where the launcher of task 0 listens: see task_hub.hpp
};
using LauncherMessage = std::variant<LogLine, StartRecorded, VerdictReached, TasksMet>;

[[nodiscard]] std::string encode_launcher_message(LauncherMessage const& message);
/// Throws ContractViolation for bytes that are no message.
[[nodiscard]] LauncherMessage decode_launcher_message(std::string_view bytes);

}  // namespace reprise
