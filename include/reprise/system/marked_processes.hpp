/// @file Processes that carry a variable in their environment, whoever their parent is by now: for
/// what has lost its place in the process tree because those above it were killed. Needs nothing
/// but libc, because the static helper uses it too.
#pragma once

#include <chrono>
#include <string_view>

namespace reprise {

/// SIGKILL to every process of this user, but this one, that was started with `variable`
/// ("NAME=value") in its environment, until none is left or the time is over. Looks at every
/// process there is: not for every day. Returns how many are left.
int kill_marked(std::string_view variable, std::chrono::milliseconds limit);

}  // namespace reprise
