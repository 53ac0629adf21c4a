/// @file The container runtimes: one row of a table each, and the command line that puts a command
/// into a container of theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reprise/core/container_setup.hpp"

namespace reprise {

/// What a run needs of its container.
struct RunPlace {
    std::string start_dir;    ///< absolute; bound, writable
    std::string working_dir;  ///< absolute; bound, writable
    std::string run_dir;      ///< absolute, inside working_dir; where the command starts
    /// A directory of the run's own on this host, absolute: an image's /tmp, or where its tmpfs is
    /// mounted. Empty: the runtime makes what it needs.
    std::string scratch;
    std::vector<std::string> programs;  ///< of the training, and directories they lie in
    bool gpu = false;                   ///< there is one, and the image shall see the driver
};

struct ContainedCommand {
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< "NAME=value"
};

/// The name that `runner.container` has for it.
[[nodiscard]] char const* name_of(Runtime runtime) noexcept;
/// Programs to look for on PATH, best first; none for Runtime::none.
[[nodiscard]] std::vector<std::string> executables_of(Runtime runtime);
/// Whether it starts images; the others run on the host's file system.
[[nodiscard]] bool takes_image(Runtime runtime) noexcept;

/// Where RunPlace::scratch may lie, best first; empty: a run needs none.
[[nodiscard]] std::vector<std::string> scratch_bases(ContainerSetup const& setup);

/// The command line that runs `command` in a container of this setup.
/// @param command      its first word is the absolute path of reprise-run-helper on the host
/// @param inherited    variables of the job, "NAME=value": an image does not get them
/// @param additions    variables for the training, which an image gets too
[[nodiscard]] ContainedCommand contain(ContainerSetup const& setup, RunPlace const& place,
                                       std::vector<std::string> command,
                                       std::vector<std::string> const& inherited,
                                       std::vector<std::string> const& additions);

}  // namespace reprise
