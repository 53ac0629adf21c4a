/// @file Which container runtime a job uses, from what it asks for and what this host has.
#pragma once

#include <string>
#include <vector>

#include "reprise/container/image_view.hpp"
#include "reprise/core/container_setup.hpp"
#include "reprise/parameters/job_spec.hpp"

namespace reprise {

/// Tries the runtime out (up to 0.3 s with an image).
/// @param start_dir absolute; relative paths begin there
/// @param notices   gets lines for the log
/// Throws InputError for a runtime or image that was asked for and does not work here.
[[nodiscard]] ContainerSetup choose_container(JobSpec const& spec, std::string const& start_dir,
                                              std::vector<std::string>& notices);

/// A look at what trainings will see. (Nothing of the job's is bound but start_dir.)
[[nodiscard]] ImageView view_into(ContainerSetup const& setup, std::string const& start_dir);

/// The launcher's choice as a variable for its ranks, "NAME=value".
[[nodiscard]] std::string pass_on(ContainerSetup const& setup);
/// The launcher's choice, if this process has been started by one.
[[nodiscard]] std::optional<ContainerSetup> passed_on_container();

/// For the log and the results file: "bubblewrap", "apptainer, image '/x.sif'", "none".
[[nodiscard]] std::string describe(ContainerSetup const& setup);

}  // namespace reprise
