#include "reprise/container/runtime.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "reprise/container/training_environment.hpp"
#include "reprise/core/contract.hpp"
#include "variables.hpp"

namespace reprise {
namespace {

using Texts = std::vector<std::string>;

/// Where the helper stands in an image.
constexpr char helper_in_image[] = "/.reprise-run-helper";
/// What a run gets for itself.
constexpr std::array<char const*, 2> private_places{"/tmp", "/dev/shm"};

void add(Texts& words, Texts const& more) { words.insert(words.end(), more.begin(), more.end()); }

bool is_inside(std::string const& path, std::string const& directory) {
    return path == directory || path.starts_with(directory + "/");
}

/// Lies in a place that the host's processes share and a run has for itself.
bool is_in_private_place(std::string const& path) {
    return std::any_of(private_places.begin(), private_places.end(),
                       [&](auto const* place) { return is_inside(path, place); });
}

/// Binding one of these would undo what the container is for.
bool can_be_bound(std::string const& path) {
    return path.starts_with('/') && path != "/" &&
           std::find(private_places.begin(), private_places.end(), path) == private_places.end();
}

/// Programs shall not go on to the place that the job was told to use for temporary files.
Texts with_private_tmp(Texts variables) {
    for (auto const* name : {"TMPDIR", "TMP", "TEMP"}) {
        variables.push_back(std::string(name) + "=/tmp");
    }
    return variables;
}

/// bubblewrap's words for an empty tmpfs.
Texts tmpfs(std::string const& path, std::int64_t size_mb) {
    Texts words{"--perms", "1777"};
    if (size_mb > 0) add(words, {"--size", std::to_string(size_mb << 20U)});
    add(words, {"--tmpfs", path});
    return words;
}

// ---- bubblewrap: bwrap(1) -----------------------------------------------------------------------

/// What lies in a place that becomes private, and is needed all the same. Writable are the two
/// directories of the job and the one that the site gave it for its data; a virtual environment or
/// a program somebody keeps in /tmp is read.
void bind_what_would_vanish(RunPlace const& place, Texts const& command, Texts const& environment,
                            Texts& argv) {
    std::set<std::string> writable{place.start_dir, place.working_dir};
    for (auto const* variable : {"TMPDIR", "SLURM_TMPDIR", "_CONDOR_SCRATCH_DIR"}) {
        auto const directory = find_variable(environment, variable).value_or("");
        if (std::filesystem::is_directory(directory)) writable.insert(directory);
    }
    std::set<std::string> readable{std::filesystem::path(command.front()).parent_path().string(),
                                   find_variable(environment, "VIRTUAL_ENV").value_or("")};
    readable.insert(place.programs.begin(), place.programs.end());
    auto const search_path = find_variable(environment, "PATH").value_or("");
    for (std::size_t begin = 0; begin < search_path.size();) {
        auto const end = std::min(search_path.find(':', begin), search_path.size());
        readable.insert(search_path.substr(begin, end - begin));
        begin = end + 1;
    }
    // What lies in a directory that is bound comes with it.
    auto const comes_with = [](std::string const& path, std::set<std::string> const& directories) {
        return std::any_of(directories.begin(), directories.end(), [&](auto const& directory) {
            return path != directory && can_be_bound(directory) && is_inside(path, directory);
        });
    };
    auto const bind = [&](char const* how, std::set<std::string> const& paths) {
        for (auto const& path : paths) {
            bool const wanted = is_in_private_place(path) && can_be_bound(path);
            if (wanted && !comes_with(path, paths)) add(argv, {how, path, path});
        }
    };
    std::erase_if(readable, [&](auto const& path) {
        return writable.contains(path) || comes_with(path, writable);
    });
    bind("--ro-bind-try", readable);
    bind("--bind", writable);
}

void wrap_in_bubblewrap(ContainerSetup const& setup, RunPlace const& place, Texts& command,
                        Texts& environment, Texts const& additions) {
    Texts argv{setup.executable, "--dev-bind", "/", "/"};
    for (auto const* path : private_places) add(argv, tmpfs(path, setup.tmp_size_mb));
    bind_what_would_vanish(place, command, environment, argv);
    environment = training_environment(environment, with_private_tmp(additions));
    // The helper is the first process of its namespace: with it the kernel ends all others.
    // Capabilities are those of the namespace for a user, for root what root had.
    add(argv, {"--unshare-pid", "--as-pid-1", "--proc", "/proc", "--die-with-parent", "--cap-add",
               "ALL", "--chdir", place.run_dir});
    add(argv, setup.args);
    argv.emplace_back("--");
    add(argv, command);
    command = std::move(argv);
}

// ---- Apptainer and Singularity: apptainer-run(1) ------------------------------------------------

void add_bind(Texts& argv, std::string const& from, std::string const& to) {
    add(argv, {"--bind", from + ":" + to});
}

void wrap_in_apptainer(ContainerSetup const& setup, RunPlace const& place, Texts& command,
                       Texts& environment, Texts const& additions) {
    environment = training_environment(environment, additions);
    bool const is_singularity =
        std::filesystem::path(setup.executable).filename().string().starts_with("singularity");
    // --containall gives the image a clean environment; this is how a variable gets there.
    std::string const prefix = is_singularity ? "SINGULARITYENV_" : "APPTAINERENV_";
    for (auto const& addition : additions) {
        bool const has_prefix =
            addition.starts_with("SINGULARITYENV_") || addition.starts_with("APPTAINERENV_");
        if (!has_prefix) environment.push_back(prefix + addition);
    }
    // Else a shell evaluates the values: a path with a $ or a backtick would become another one.
    for (auto const* name : {"APPTAINER_NO_EVAL=1", "SINGULARITY_NO_EVAL=1"}) {
        environment.emplace_back(name);
    }

    Texts argv;
    bool const has_mounter = !place.scratch.empty() && !setup.mounter.empty();
    auto const tmp = has_mounter ? place.scratch + "/tmp" : place.scratch;
    // Apptainer binds nothing that lies in /dev to another place.
    bool const has_shm = has_mounter && !is_inside(place.scratch, "/dev");
    auto const shm = has_shm ? place.scratch + "/shm" : std::string();
    if (has_mounter) {
        // What --containall gives by itself is 64 MB for a user, and directories on the host would
        // outlive a kill -9; so would squashfuse without a PID namespace around it.
        argv = {setup.mounter, "--dev-bind", "/", "/"};
        add(argv, tmpfs(tmp, setup.tmp_size_mb));
        if (!shm.empty()) add(argv, tmpfs(shm, setup.tmp_size_mb));
        add(argv,
            {"--unshare-pid", "--proc", "/proc", "--die-with-parent", "--cap-add", "ALL", "--"});
    }
    add(argv, {setup.executable, "--quiet", setup.use_run ? "run" : "exec", "--containall"});
    // A set-user-id starter gains nothing where bubblewrap has been.
    if (has_mounter && ::geteuid() != 0) argv.emplace_back("--userns");
    if (place.gpu) argv.emplace_back("--nv");
    if (!tmp.empty()) add_bind(argv, tmp, "/tmp");
    // Else it is a tmpfs of the container's own, of a size that cannot be set.
    if (!shm.empty()) add_bind(argv, shm, "/dev/shm");
    for (auto const& directory : std::set<std::string>{place.start_dir, place.working_dir}) {
        if (can_be_bound(directory)) add_bind(argv, directory, directory);
    }
    add_bind(argv, command.front(), std::string(helper_in_image) + ":ro");
    // The host's own ones are in every container, and for root they are writable.
    for (auto const* file : {"/etc/hosts", "/etc/localtime"}) {
        if (::geteuid() == 0 && ::access(file, F_OK) == 0) {
            add_bind(argv, file, std::string(file) + ":ro");
        }
    }
    command.front() = helper_in_image;
    add(argv, {"--pwd", place.run_dir});
    add(argv, setup.args);
    argv.push_back(setup.image);
    add(argv, command);
    command = std::move(argv);
}

void wrap_in_nothing(ContainerSetup const&, RunPlace const&, Texts&, Texts& environment,
                     Texts const& additions) {
    environment = training_environment(environment, additions);
}

// ---- the table ----------------------------------------------------------------------------------

/// Another runtime is another row: its name, its programs, and how it wraps a command.
struct Row {
    Runtime runtime;
    char const* name;
    std::array<char const*, 2> executables;
    bool takes_image;
    void (*wrap)(ContainerSetup const&, RunPlace const&, Texts& command, Texts& environment,
                 Texts const& additions);
};
constexpr std::array<Row, 3> rows{{
    {Runtime::none, "none", {}, false, wrap_in_nothing},
    {Runtime::bubblewrap, "bubblewrap", {"bwrap"}, false, wrap_in_bubblewrap},
    {Runtime::apptainer, "apptainer", {"apptainer", "singularity"}, true, wrap_in_apptainer},
}};

Row const& row_of(Runtime runtime) {
    auto const row =
        std::find_if(rows.begin(), rows.end(), [&](Row const& r) { return r.runtime == runtime; });
    REPRISE_ASSERT(row != rows.end());
    return *row;
}

}  // namespace

char const* name_of(Runtime runtime) noexcept { return row_of(runtime).name; }

std::vector<std::string> executables_of(Runtime runtime) {
    Texts names;
    for (auto const* name : row_of(runtime).executables) {
        if (name != nullptr) names.emplace_back(name);
    }
    return names;
}

bool takes_image(Runtime runtime) noexcept { return row_of(runtime).takes_image; }

std::vector<std::string> scratch_bases(ContainerSetup const& setup) {
    if (!takes_image(setup.runtime)) return {};
    // With a mounter nothing is ever written there.
    if (!setup.mounter.empty()) return {"/tmp", "/dev/shm"};
    return {"/dev/shm", "/tmp"};
}

ContainedCommand contain(ContainerSetup const& setup, RunPlace const& place,
                         std::vector<std::string> command,
                         std::vector<std::string> const& inherited,
                         std::vector<std::string> const& additions) {
    REPRISE_EXPECT(!command.empty() && command.front().starts_with('/'));
    ContainedCommand contained{std::move(command), inherited};
    row_of(setup.runtime).wrap(setup, place, contained.argv, contained.environment, additions);
    return contained;
}

}  // namespace reprise
