#include "reprise/commands/job_context.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "reprise/commands/container_choice.hpp"
#include "reprise/commands/mpi_starter.hpp"
#include "reprise/commands/version.hpp"
#include "reprise/core/error.hpp"
#include "reprise/mpi/library_version.hpp"
#include "reprise/parameters/sample_digest.hpp"
#include "reprise/results/library_version.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

constexpr std::size_t max_settings_bytes = 64U << 20U;

std::string without_trailing_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

int signal_of(std::string const& name) {
    static std::map<std::string, int> const signals{
        {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},   {"QUIT", SIGQUIT},
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"KILL", SIGKILL},
    };
    auto const found = signals.find(name);
    REPRISE_EXPECT(found != signals.end());
    return found->second;
}

/// FNV-1a, 64 bits: the same on every machine, which std::hash does not promise.
std::uint64_t fingerprint(std::string const& text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (char const c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3U;
    }
    return hash;
}

/// results_dir keeps the files of many jobs. hp_optimization calls working directories 0, 1, 2 in
/// every procedure, so the name alone would let two procedures share a file.
std::string results_path_of(JobSpec const& spec, std::string const& working_dir,
                            std::string const& start_dir) {
    if (spec.runner.results_dir.empty()) return working_dir + "/results.h5";
    char mark[17];
    std::snprintf(mark, sizeof mark, "%016llx",
                  static_cast<unsigned long long>(fingerprint(working_dir)));
    return without_trailing_slash(absolute_path(spec.runner.results_dir, start_dir)) + "/" +
           std::filesystem::path(working_dir).filename().string() + "-" + std::string(mark, 8) +
           ".h5";
}

JobPlan plan_of(JobSpec const& spec, ConfigurationSet const& configuration,
                JobArguments const& arguments, JobOptions const& options) {
    JobPlan plan;
    plan.learning_runs = spec.learning_runs_per_job;
    plan.training_iterations = spec.training_iterations;
    plan.max_attempts = spec.max_attempts;
    plan.accept = spec.runner.accept.value_or(plan.learning_runs);
    // By hand nobody starts the job again, so it does all iterations itself.
    bool const restarted_by_others = arguments.server.has_value() || options.exit_for_restart;
    bool const all = !restarted_by_others || spec.runner.iterations_by_clock;
    plan.iterations_per_start = all ? plan.training_iterations : spec.runner.iterations_per_job;
    plan.max_restarts = spec.runner.max_restarts;
    plan.early_reports = spec.runner.early_reports;
    plan.steps_per_iteration = configuration.steps_per_iteration().value_or(0);
    plan.checkpoints = configuration.goes_on_from_checkpoints();
    plan.base_seed =
        static_cast<std::uint64_t>(spec.runner.base_seed.value_or(arguments.job_id.value_or(0)));
    plan.reducers = spec.runner.reducers;
    return plan;
}

/// Somebody else has started them.
void count_ranks(JobContext& context, OuterStep const& outer) {
    auto const& runner = context.spec.runner;
    auto const tasks = std::to_string(outer.tasks);
    auto const refuse = [&](char const* mode) {
        throw InputError(std::string("parameter 'runner.launcher' is '") + mode + "', but " +
                         describe(outer) + ". Leave it out, or start one task.");
    };
    if (runner.launcher == LaunchMode::mpirun) refuse("mpirun");
    if (runner.launcher == LaunchMode::none) refuse("none");
    if (runner.launcher == LaunchMode::srun && outer.starter != "srun") refuse("srun");
    if (runner.ranks && *runner.ranks != outer.tasks) {
        throw InputError("parameter 'runner.ranks' is " + std::to_string(*runner.ranks) + ", but " +
                         describe(outer) + ". Leave it out, or start " +
                         std::to_string(*runner.ranks) + " tasks.");
    }
    if (!runner.mpirun_args.empty()) {
        context.spec.notices.push_back("runner.mpirun_args is not used: " + describe(outer) + ".");
    }
    context.ranks = outer.tasks;
}

void choose_ranks(JobContext& context) {
    auto const& runner = context.spec.runner;
    if (context.options.outer) {
        count_ranks(context, *context.options.outer);
        return;
    }
    if (runner.launcher == LaunchMode::srun) {
        throw InputError(
            "parameter 'runner.launcher' is 'srun', but this is no srun step of several tasks. "
            "Start the job by srun --mpi=" +
            std::string(starter_of(built_mpi_family()).srun_type) +
            " --ntasks=K, or leave the parameter out.");
    }
    bool const alone = runner.launcher == LaunchMode::none;
    if (alone && runner.ranks.value_or(1) > 1) {
        throw InputError("runner.ranks is " + std::to_string(*runner.ranks) +
                         " but runner.launcher is 'none', which starts one rank. Leave one out.");
    }
    context.ranks = alone ? 1 : runner.ranks.value_or(context.plan.learning_runs);
    context.use_mpirun = context.ranks > 1 || runner.launcher == LaunchMode::mpirun;
}

std::string join(std::vector<std::string> const& words) {
    std::string line;
    for (auto const& word : words) line += (line.empty() ? "" : " ") + word;
    return line;
}

/// One with a placeholder is known only for each attempt.
bool has_program_to_look_for(std::vector<std::string> const& command) {
    return !command.empty() && command.front().find('@') == std::string::npos;
}

/// With a slash it is relative to where the job was started, else a matter of PATH.
std::string located(std::vector<std::string> const& command, JobContext const& context) {
    auto const& program = command.front();
    return program.find('/') == std::string::npos ? program
                                                  : absolute_path(program, context.start_dir);
}

std::vector<std::string> missing_programs(std::vector<std::string> const& programs,
                                          JobContext const& context) {
    if (!context.container.image.empty()) {
        return view_into(context.container, context.start_dir).missing_programs(programs);
    }
    std::vector<std::string> missing;
    for (auto const& program : programs) {
        if (!find_program(program, search_path())) missing.push_back(program);
    }
    return missing;
}

/// A template that is not on the host may lie in the image.
FileReader reader_of_templates(ContainerSetup const& container, std::string const& start_dir) {
    return [container, start_dir](std::string const& path) {
        try {
            return read_file(path, max_settings_bytes);
        } catch (Error const& e) {
            bool const may_be_in_image = e.kind() == Error::Kind::not_found &&
                                         !container.image.empty() && path.starts_with('/');
            if (!may_be_in_image) throw;
        }
        return view_into(container, start_dir).read_file(path);
    };
}

}  // namespace

JobContext load_job_context(JobOptions const& options, JobArguments const& arguments) {
    FileReader const read = [](std::string const& path) {
        return read_file(path, max_settings_bytes);
    };
    auto const start_dir = current_directory();
    auto parameters = load_parameters(arguments.source, read);
    auto spec = make_job_spec(parameters);
    auto const passed_on = passed_on_container();
    auto const container = passed_on ? *passed_on : choose_container(spec, start_dir, spec.notices);
    auto configuration =
        ConfigurationSet::load(spec, parameters, reader_of_templates(container, start_dir));
    auto digest = digest_sample(spec, configuration);
    JobContext context{options,
                       arguments,
                       std::move(parameters),
                       std::move(spec),
                       std::move(configuration),
                       std::move(digest),
                       {},
                       container,
                       start_dir,
                       {},
                       {},
                       1,
                       false,
                       SIGTERM};
    context.plan = plan_of(context.spec, context.configuration, arguments, options);
    context.working_dir =
        without_trailing_slash(absolute_path(context.spec.working_dir, context.start_dir));
    context.results_path = results_path_of(context.spec, context.working_dir, context.start_dir);
    context.stop_signal = signal_of(context.spec.runner.stop_signal);
    choose_ranks(context);
    return context;
}

void check_commands(JobContext const& context) {
    auto const& learner = context.spec.learner;
    std::pair<char const*, std::vector<std::string> const*> const commands[] = {
        {"learner.backend", &learner.backend},
        {"learner.command", &learner.command},
        {"learner.stop", &learner.stop},
    };
    std::vector<std::string> wanted;
    for (auto const& [name, command] : commands) {
        if (has_program_to_look_for(*command)) wanted.push_back(located(*command, context));
    }
    auto const missing = missing_programs(wanted, context);
    for (auto const& [name, command] : commands) {
        if (!has_program_to_look_for(*command)) continue;
        auto const& program = command->front();
        auto const where = located(*command, context);
        if (std::find(missing.begin(), missing.end(), where) == missing.end()) continue;
        std::string const in_image = context.container.image.empty() ? "" : " in the image";
        throw InputError(std::string(name) + ": the program '" + program +
                         (where != program ? "' is not there or not executable ('" + where + "')" +
                                                 in_image + "."
                                           : "' is not on PATH" + in_image + ".") +
                         " Install it, or set " + name + " to the command of your trainer.");
    }
}

SampleDescription JobContext::describe_sample(double created) const {
    SampleDescription sample;
    sample.parameters = parameters.values.dump();
    sample.canonical = digest.text;
    sample.digest = digest.hex;
    for (auto const& [name, content] : configuration.merged().items()) {
        sample.configurations[name] = content.dump(4);
    }
    sample.commands["backend"] = join(spec.learner.backend);
    sample.commands["learner"] = join(spec.learner.command);
    sample.commands["stop"] = join(spec.learner.stop);
    sample.commands["job"] = join(options.arguments);
    sample.commands["container"] = describe(container);
    sample.versions["reprise"] = version();
    sample.versions["mpi"] = mpi_library_version();
    sample.versions["boost"] = boost_version();
    sample.versions["hdf5"] = hdf5_version();
    sample.job_id = arguments.job_id;
    sample.working_dir = working_dir;
    sample.created = created;
    return sample;
}

AttemptFiles JobContext::attempt_files() const {
    auto const& learner = spec.learner;
    return {working_dir, learner.reward_file, learner.reward_column, learner.checkpoints,
            plan.steps_per_iteration};
}

std::vector<std::string> JobContext::notices() const {
    auto all = spec.notices;  // with those of the parameters
    auto const& more = configuration.notices();
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace reprise
