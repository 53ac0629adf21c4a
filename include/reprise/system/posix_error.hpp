/// @file errno → reprise::Error, in the one place that does it.
#pragma once

#include <string>

#include "reprise/core/error.hpp"

namespace reprise {

/// What kind of failure errno `number` is: ENOSPC, EDQUOT, EROFS → no_space; ENOENT, ENOTDIR →
/// not_found; EACCES, EPERM → permission; EAGAIN, EBUSY, … → busy; network ones → unreachable.
[[nodiscard]] Error::Kind kind_of_errno(int number) noexcept;

/// The system's text for errno `number`, e.g. "No such file or directory".
[[nodiscard]] std::string text_of_errno(int number);

/// "cannot OPERATION 'SUBJECT' (text of errno). SUGGESTION". Without a suggestion the usual remedy
/// of that errno is given, if there is one. Call it as `throw posix_error(errno, …)`.
[[nodiscard]] Error posix_error(int number, std::string const& operation,
                                std::string const& subject, std::string const& suggestion = {});

}  // namespace reprise
