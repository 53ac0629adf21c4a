#include "reprise/commands/container_choice.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "reprise/commands/install_layout.hpp"
#include "reprise/commands/scratch_directory.hpp"
#include "reprise/commands/unique_name.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/rank_messages.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

constexpr char container_variable[] = "REPRISE_INTERNAL_CONTAINER";

std::optional<std::string> find_absolute(std::string const& name) {
    auto found = find_program(name, search_path());
    if (found) found = std::filesystem::absolute(*found).string();
    return found;
}

std::string find_image_runtime(JobSpec const& spec, std::string const& start_dir) {
    auto const& given = spec.image.executable;
    if (!given.empty()) {
        bool const is_path = given.find('/') != std::string::npos || given.starts_with('~');
        if (auto found = find_absolute(is_path ? absolute_path(given, start_dir) : given))
            return *found;
        throw InputError("parameter 'singularity.executable' is '" + given + "', which is " +
                         (is_path ? "no program" : "not on PATH") +
                         ". Load its module, or leave the parameter out.");
    }
    for (auto const& name : executables_of(Runtime::apptainer)) {
        if (auto found = find_absolute(name)) return *found;
    }
    throw InputError(
        "neither 'apptainer' nor 'singularity' is on PATH, and singularity.image is given. Load "
        "its module, or set singularity.executable.");
}

/// A colon or comma would end the path in --bind.
void check_bindable(std::string const& path, char const* what) {
    if (path.find_first_of(":,") != std::string::npos) {
        throw InputError(std::string(what) + " '" + path +
                         "' cannot be bound into an image (it has a ':' or ','). Rename it.");
    }
}

RunPlace place_to_look_from(std::string const& start_dir) {
    RunPlace place;
    place.start_dir = start_dir;
    place.working_dir = start_dir;
    place.run_dir = start_dir;
    return place;
}

/// Nothing if it works here, else why not.
std::optional<std::string> problem_with(ContainerSetup const& setup, std::string const& start_dir) {
    try {
        auto place = place_to_look_from(start_dir);
        std::optional<ScratchDirectory> scratch;
        if (auto const bases = scratch_bases(setup); !bases.empty()) {
            place.scratch = scratch.emplace(unique_name(), bases).path();
        }
        ImageView(setup, std::move(place), helper_path(), own_environment()).try_it();
        return std::nullopt;
    } catch (Error const& e) {
        return e.what();
    }
}

ContainerSetup choose_image_runtime(JobSpec const& spec, std::string const& start_dir,
                                    std::vector<std::string>& notices) {
    ContainerSetup setup;
    setup.runtime = Runtime::apptainer;
    setup.image = absolute_path(spec.image.path, start_dir);
    if (!is_regular_file(setup.image) && !is_directory(setup.image)) {
        throw InputError("parameter 'singularity.image': '" + setup.image +
                         "' is not there. Give the path of a SIF file or of an unpacked image.");
    }
    check_bindable(start_dir, "the directory in which the job was started");
    check_bindable(absolute_path(spec.working_dir, start_dir), "parameter 'working_dir':");
    setup.executable = find_image_runtime(spec, start_dir);
    setup.use_run = spec.image.use_run;
    setup.args = spec.image.args;
    setup.tmp_size_mb = spec.runner.tmp_size_mb.value_or(0);
    setup.mounter = find_absolute("bwrap").value_or("");
    if (!setup.mounter.empty() && !problem_with(setup, start_dir)) return setup;
    setup.mounter.clear();
    if (auto const problem = problem_with(setup, start_dir)) {
        throw InputError("parameter 'singularity.image': " + *problem);
    }
    if (setup.tmp_size_mb > 0) {
        notices.emplace_back(
            "runner.tmp_size_mb is not enforced: it needs bubblewrap and an Apptainer that runs "
            "without set-user-id (docs/containers.md).");
    }
    return setup;
}

ContainerSetup bubblewrap_here(JobSpec const& spec) {
    ContainerSetup setup;
    setup.runtime = Runtime::bubblewrap;
    setup.tmp_size_mb = spec.runner.tmp_size_mb.value_or(0);
    setup.executable = find_absolute("bwrap").value_or("");
    return setup;
}

/// Runs that share these places are why most people could not run them side by side.
std::string collision_warning(std::string const& why) {
    return "the runs share /tmp and /dev/shm (" + why +
           "): a backend that uses a fixed name there, such as o80 or MuJoCo's, collides with the "
           "others.";
}

}  // namespace

ContainerSetup choose_container(JobSpec const& spec, std::string const& start_dir,
                                std::vector<std::string>& notices) {
    auto const& asked = spec.runner.container;
    bool const has_image = !spec.image.path.empty();
    if (asked == Runtime::apptainer && !has_image) {
        throw InputError(
            "parameter 'runner.container' is 'apptainer', and there is no image. Give "
            "singularity.image, or leave runner.container out.");
    }
    if (has_image && asked.value_or(Runtime::apptainer) == Runtime::apptainer) {
        return choose_image_runtime(spec, start_dir, notices);
    }
    if (has_image) {
        notices.push_back(std::string("parameter 'singularity.image' is not used, because ") +
                          "runner.container is '" + name_of(*asked) + "'.");
    }
    if (asked == Runtime::none) {
        notices.push_back(collision_warning("runner.container is 'none'"));
        return {};
    }
    auto setup = bubblewrap_here(spec);
    auto const problem = setup.executable.empty()
                             ? std::optional<std::string>("bwrap is not on PATH")
                             : problem_with(setup, start_dir);
    if (!problem) return setup;
    if (asked) {
        throw InputError("parameter 'runner.container' is 'bubblewrap': " + *problem +
                         " Install bubblewrap or ask for user namespaces, or choose 'none'.");
    }
    if (spec.runner.tmp_size_mb) {
        throw InputError("parameter 'runner.tmp_size_mb' needs bubblewrap or an image: " +
                         *problem);
    }
    notices.push_back(collision_warning(*problem));
    return {};
}

ImageView view_into(ContainerSetup const& setup, std::string const& start_dir) {
    return {setup, place_to_look_from(start_dir), helper_path(), own_environment()};
}

std::string pass_on(ContainerSetup const& setup) {
    return std::string(container_variable) + "=" + encode_container_setup(setup);
}

std::optional<ContainerSetup> passed_on_container() {
    char const* const text = std::getenv(container_variable);
    if (text == nullptr) return std::nullopt;
    return decode_container_setup(text);
}

std::string describe(ContainerSetup const& setup) {
    std::string text = name_of(setup.runtime);
    if (!setup.image.empty()) text += ", image '" + setup.image + "'";
    return text;
}

}  // namespace reprise
