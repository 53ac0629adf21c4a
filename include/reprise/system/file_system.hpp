/// @file Files and directories. All functions throw Error, which names the path.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// Whole content. A file of more than `max_bytes` is an Error.
[[nodiscard]] std::string read_file(std::string const& path, std::size_t max_bytes);

/// Content of a file of the kernel's, as in /proc or /sys; empty when it cannot be read.
[[nodiscard]] std::string kernel_file(std::string const& path);

/// Replaces the file's content in place; not crash-safe.
void write_file(std::string const& path, std::string_view content);

/// Replaces the file so that after a crash at any instant either the former or the new content is
/// there: "PATH.tmp", fsync, rename, fsync of the directory. Returns when it is on disk.
void write_durably(std::string const& path, std::string_view content);

/// fsync of a directory: the names in it survive a crash.
void sync_directory(std::string const& path);

/// With parents; one that exists is fine.
void create_directories(std::string const& path);

/// Names in a directory without "." and "..", sorted.
[[nodiscard]] std::vector<std::string> list_directory(std::string const& path);

/// False also when it cannot be looked at. Follows symbolic links.
[[nodiscard]] bool is_regular_file(std::string const& path) noexcept;
[[nodiscard]] bool is_directory(std::string const& path) noexcept;

/// Removes a file; one that is not there is fine.
void remove_file(std::string const& path);

/// The last lines of a file, at most `max_lines` of them and `max_bytes` bytes (a first line that
/// is cut begins with "…"). Reads no more than that from the file. Empty when there is no file.
[[nodiscard]] std::string tail_of_file(std::string const& path, std::size_t max_lines,
                                       std::size_t max_bytes);

/// Where a program is: `name` itself if it has a slash, else the first executable file of that name
/// in the directories of `search_path` (as in PATH; an empty entry is the current directory).
[[nodiscard]] std::optional<std::string> find_program(std::string const& name,
                                                      std::string const& search_path);

/// "~" and "~/x" with HOME (or the password database), "~user/x" with that user's directory.
/// Anything else, and an unknown user, comes back unchanged.
[[nodiscard]] std::string expand_home(std::string const& path);

/// As execvp(3) has it.
inline constexpr char default_search_path[] = "/usr/local/bin:/usr/bin:/bin";

/// Where this process looks for programs: PATH, or what execvp(3) takes where it is not set.
[[nodiscard]] std::string search_path();

/// The path with ~ expanded, relative to `base` unless it is absolute, without "." and "..".
[[nodiscard]] std::string absolute_path(std::string const& path, std::string const& base);

/// Absolute path without symbolic links of the program that runs.
[[nodiscard]] std::string own_executable();

/// Absolute path of the current directory.
[[nodiscard]] std::string current_directory();

}  // namespace reprise
