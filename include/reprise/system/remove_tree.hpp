/// @file Removal of a directory with all that is in it. Needs nothing but libc, because the static
/// helper uses it too.
#pragma once

namespace reprise {

/// Removes the directory and everything below it, also what forbids its owner to write; follows no
/// link, and goes on after a failure. Returns whether nothing is left. One that is not there is no
/// failure. `parent_fd` is what a relative path is relative to (openat(2)).
bool remove_tree(int parent_fd, char const* path);

}  // namespace reprise
