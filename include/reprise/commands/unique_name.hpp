/// @file Names of sockets and directories that stand for one process and one moment.
#pragma once

#include <string>

namespace reprise {

/// "reprise.PID.NUMBER", nobody else's.
[[nodiscard]] std::string unique_name();

}  // namespace reprise
