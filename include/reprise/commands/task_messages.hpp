/// @file What the launchers of the tasks tell each other where somebody else has started them, and
/// its bytes (CBOR). It goes over TCP, from every other task to task 0 and back: MPI cannot tell
/// who is left when a rank is lost, and may not be there yet or any more.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "reprise/core/verdict.hpp"

namespace reprise {

/// To task 0, first of all: only whoever knows the secret belongs to the job.
struct TaskHello {
    std::string secret;
    int task = 0;
    std::string host;
};
/// To task 0: the task's rank and all below it have ended.
struct TaskGone {
    std::string how;  ///< empty: in order; else one line for people, and the start is lost
};
/// From task 0: the start is lost, end whatever runs.
struct EndNow {};
/// From task 0, last of all: leave with this verdict's exit code.
struct Leave {
    VerdictKind verdict = VerdictKind::failed;
};
using TaskMessage = std::variant<TaskHello, TaskGone, EndNow, Leave>;

[[nodiscard]] std::string encode_task_message(TaskMessage const& message);
/// Throws ContractViolation for bytes that are no message.
[[nodiscard]] TaskMessage decode_task_message(std::string_view bytes);

}  // namespace reprise
