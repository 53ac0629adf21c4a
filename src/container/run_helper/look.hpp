/// @file The helper as a pair of eyes inside an image: which commands are there, what a file holds.
///
/// reprise-run-helper --look FD [program NAME | file PATH]…
///
/// writes to FD, in the order of the questions:
///
///   reprise-look 1
///   found PATH            the program, as PATH or its own path leads to it
///   missing               there is no such program, or it is not executable
///   content SIZE          of the file; SIZE bytes and a newline follow
///   unreadable ERRNO
///   end
#pragma once

namespace reprise::run_helper {

inline constexpr char look_header[] = "reprise-look 1";
/// A file that is longer is unreadable with EFBIG.
inline constexpr long max_looked_at_bytes = 64L << 20;

/// Expects argv[1] to be "--look". Returns the exit code: 2 for a wrong command line, 1 when the
/// answer cannot be written.
int look(int argc, char** argv);

}  // namespace reprise::run_helper
