#include "reprise/parameters/job_spec.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "parameter_reader.hpp"
#include "reprise/core/checkpoints.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/command_template.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/statistics/reducers.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;
using Texts = std::vector<std::string>;

constexpr IntegerRange counter_range{1, 1'000'000};
constexpr IntegerRange rank_range{1, 100'000};
constexpr IntegerRange early_report_range{0, 10'000};
constexpr IntegerRange tmp_size_range{1, 1'000'000'000};
constexpr IntegerRange restart_range{0, 1'000'000};
constexpr IntegerRange memory_range{0, 1'000'000'000};
constexpr IntegerRange seed_range{0, 9'007'199'254'740'992};  // 2^53: exact wherever JSON is read

/// What `runner.reducers` may name.
Texts reducer_names() {
    auto const known = known_reducers();
    Texts names(known.begin(), known.end());
    names.emplace_back(failure_rate_name);
    return names;
}

Json group_of(Json const& nested, std::string const& name) {
    return nested.contains(name) ? nested[name] : Json::object();
}

int to_int(std::int64_t value) { return static_cast<int>(value); }

Texts read_reducers(ParameterReader& reader) {
    auto const* const given = reader.value("reducers");
    if (given == nullptr) return {};
    Texts reducers;
    auto const known = reducer_names();
    auto const names = given->is_array() ? *given : Json::array({*given});
    for (auto const& name : names) {
        if (!name.is_string()) reader.refuse("reducers", "Give a list such as ['iqm', 'min'].");
        auto const text = name.get<std::string>();
        if (std::find(known.begin(), known.end(), text) == known.end()) {
            throw InputError("parameter 'runner.reducers' has an unknown reducer '" + text + "'." +
                             did_you_mean(text, known));
        }
        if (text == "mean" || text == "std") continue;  // are sent anyway
        if (std::find(reducers.begin(), reducers.end(), text) == reducers.end()) {
            reducers.push_back(text);
        }
    }
    return reducers;
}

std::optional<int> read_accept(ParameterReader& reader, int reruns) {
    auto const* const given = reader.value("on_exhausted");
    if (given == nullptr || *given == "fail") return std::nullopt;
    if (!given->is_object()) {
        reader.refuse("on_exhausted", "Give 'fail', or runner.on_exhausted.accept as a number.");
    }
    ParameterReader inner(*given, "runner.on_exhausted.");
    auto const accept = inner.integer("accept", {1, reruns});
    inner.refuse_unknown();
    if (!accept) return std::nullopt;
    return to_int(*accept);
}

void read_time(ParameterReader& reader, RunnerOptions& options) {
    options.time_limit_s = reader.number_from_zero("time_limit_s");
    if (options.time_limit_s == 0.0) options.time_limit_s.reset();
    options.stop_margin_s = reader.number_from_zero("stop_margin_s");
    if (options.time_limit_s && options.stop_margin_s.value_or(0.0) >= *options.time_limit_s) {
        reader.refuse("stop_margin_s",
                      "Give less than runner.time_limit_s: nothing could be trained.");
    }
}

OnTerm read_on_term(ParameterReader& reader) {
    auto const name =
        reader.choice("on_term", {"auto", "silent", "resume", "error"}).value_or("auto");
    if (name == "silent") return OnTerm::silent;
    if (name == "resume") return OnTerm::resume;
    if (name == "error") return OnTerm::error;
    return OnTerm::automatic;
}

std::string read_stop_signal(ParameterReader& reader, std::string const& otherwise) {
    auto const given = reader.any_text("stop_signal");
    if (!given) return otherwise;
    auto name = given->starts_with("SIG") ? given->substr(3) : *given;
    auto const& names = stop_signal_names();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        reader.refuse("stop_signal", "Give the name of a signal, such as 'TERM' or 'INT'.");
    }
    return name;
}

void read_iterations_per_job(ParameterReader& reader, RunnerOptions& options) {
    auto const* const given = reader.value("iterations_per_job");
    if (given == nullptr) return;
    options.iterations_by_clock = *given == "auto";
    if (options.iterations_by_clock) return;
    if (given->is_string()) {
        reader.refuse("iterations_per_job", "Give an integer from 1 to 1000000, or 'auto'.");
    }
    options.iterations_per_job = to_int(*reader.integer("iterations_per_job", counter_range));
}

std::optional<Runtime> read_container(ParameterReader& reader) {
    auto const name =
        reader.choice("container", {"auto", "apptainer", "bubblewrap", "none"}).value_or("auto");
    if (name == "apptainer") return Runtime::apptainer;
    if (name == "bubblewrap") return Runtime::bubblewrap;
    if (name == "none") return Runtime::none;
    return std::nullopt;
}

void read_gpus_per_run(ParameterReader& reader, RunnerOptions& options) {
    auto const* const given = reader.value("gpus_per_run");
    if (given == nullptr) return;
    if (*given == "all") {
        options.deal_gpus = false;
        return;
    }
    constexpr double most = 1024.0;
    constexpr double least = 1.0 / 1024.0;
    double const number = given->is_number() ? given->get<double>() : -1.0;
    bool const fits = number == 0.0 || (number >= least && number < 1.0) ||
                      (number >= 1.0 && number <= most && number == std::floor(number));
    if (!fits) {
        reader.refuse(
            "gpus_per_run",
            "Give a whole number, a fraction such as 0.5 for two runs on each, or 'all'.");
    }
    options.gpus_per_run = number;
}

RunnerOptions read_runner(ParameterReader& reader, int reruns) {
    RunnerOptions options;
    if (auto const ranks = reader.integer("ranks", rank_range)) options.ranks = to_int(*ranks);
    auto const launcher =
        reader.choice("launcher", {"auto", "mpirun", "srun", "none"}).value_or("auto");
    options.launcher = launcher == "mpirun" ? LaunchMode::mpirun
                       : launcher == "srun" ? LaunchMode::srun
                       : launcher == "none" ? LaunchMode::none
                                            : LaunchMode::automatic;
    options.mpirun_args =
        reader.texts("mpirun_args", "['--bind-to', 'none']").value_or(options.mpirun_args);
    read_iterations_per_job(reader, options);
    options.base_seed = reader.integer("base_seed", seed_range);
    options.early_reports = to_int(reader.integer("early_reports", early_report_range).value_or(0));
    options.reducers = read_reducers(reader);
    options.accept = read_accept(reader, reruns);
    options.results_dir = reader.text("results_dir").value_or("");
    options.max_restarts =
        to_int(reader.integer("max_restarts", restart_range).value_or(options.max_restarts));
    options.on_term = read_on_term(reader);
    options.stop_signal = read_stop_signal(reader, options.stop_signal);
    options.stop_grace_s = reader.number_from_zero("stop_grace_s").value_or(options.stop_grace_s);
    options.container = read_container(reader);
    options.tmp_size_mb = reader.integer("tmp_size_mb", tmp_size_range);
    options.split_cores = reader.choice("cores", {"split", "all"}).value_or("split") == "split";
    options.set_threads = reader.choice("threads", {"auto", "keep"}).value_or("auto") == "auto";
    read_gpus_per_run(reader, options);
    options.run_time_limit_s = reader.number_from_zero("run_time_limit_s").value_or(0.0);
    options.stall_timeout_s = reader.number_from_zero("stall_timeout_s").value_or(0.0);
    options.memory_limit_mb = reader.integer("memory_limit_mb", memory_range).value_or(0);
    read_time(reader, options);
    reader.refuse_unknown();
    return options;
}

/// A path below the run directory; the same for every run, so it cannot lead out of it.
std::string read_inner_path(ParameterReader& reader, std::string const& name,
                            std::string const& otherwise) {
    auto const given = reader.text(name);
    if (!given) return otherwise;
    auto const path = std::filesystem::path(*given).lexically_normal();
    if (path.is_absolute() || *path.begin() == ".." || path == ".") {
        reader.refuse(name, "Give a path relative to the run directory, inside it.");
    }
    return path.generic_string();
}

/// A path below the run directory with one `*`; "" or None for none.
std::string read_checkpoints(ParameterReader& reader, std::string const& name,
                             std::string const& otherwise) {
    auto const given = reader.any_text(name);
    if (!given) return reader.is_there(name) ? "" : otherwise;
    if (given->empty()) return "";
    auto path = read_inner_path(reader, name, otherwise);
    if (!CheckpointPattern::parse(path)) {
        reader.refuse(name, "Give a path with one * for the number of steps, such as '" +
                                otherwise + "', or '' for none.");
    }
    return path;
}

/// A place in the configuration such as rl_config.num_timesteps; "" or None for none.
std::string read_place(ParameterReader& reader, std::string const& name,
                       std::string const& otherwise) {
    auto const given = reader.any_text(name);
    if (!given) return reader.is_there(name) ? "" : otherwise;
    bool const fits = !given->starts_with(".") && !given->ends_with(".") &&
                      given->find("..") == std::string::npos;
    if (!fits) reader.refuse(name, "Give names with dots between, such as 'rl_config.seed'.");
    return *given;
}

/// A command; None or [] for none.
Texts read_command(ParameterReader& reader, std::string const& name, Texts const& otherwise) {
    auto const given = reader.texts(name, "['./train.py', '@config@']");
    if (!given) return reader.is_there(name) ? Texts{} : otherwise;
    if (!given->empty() && given->front().empty()) {
        reader.refuse(name, "Give the name of a program first.");
    }
    check_command(*given, "learner." + name);
    return *given;
}

LearnerProfile read_learner(ParameterReader& reader) {
    LearnerProfile learner;
    learner.backend = read_command(reader, "backend", learner.backend);
    learner.command = read_command(reader, "command", learner.command);
    if (learner.command.empty()) {
        reader.refuse("command", "Give a list of texts, such as ['./train.py'].");
    }
    learner.stop = read_command(reader, "stop", learner.stop);
    learner.reward_file = read_inner_path(reader, "reward_file", learner.reward_file);
    learner.reward_column = reader.text("reward_column").value_or(learner.reward_column);
    learner.model = read_inner_path(reader, "model", learner.model);
    learner.checkpoints = read_checkpoints(reader, "checkpoints", learner.checkpoints);
    learner.checkpoints_given = reader.is_there("checkpoints") && !learner.checkpoints.empty();
    learner.steps_parameter = read_place(reader, "steps_parameter", learner.steps_parameter);
    learner.seed_parameter = read_place(reader, "seed_parameter", learner.seed_parameter);
    learner.steps_parameter_given =
        reader.is_there("steps_parameter") && !learner.steps_parameter.empty();
    learner.seed_parameter_given =
        reader.is_there("seed_parameter") && !learner.seed_parameter.empty();
    reader.refuse_unknown();
    return learner;
}

void read_singularity(Json const& group, JobSpec& spec) {
    ParameterReader reader(group, "singularity.");
    spec.image.path = reader.text("image").value_or("");
    spec.image.executable = reader.text("executable").value_or("");
    spec.image.use_run = reader.boolean("use_run").value_or(true);
    spec.image.args = reader.texts("args", "['--bind', '/data']").value_or(spec.image.args);
    if (reader.value("script") != nullptr) {
        spec.notices.emplace_back(
            "parameter 'singularity.script' is ignored (reprise runs the learner itself).");
    }
    reader.refuse_unknown();
}

std::string squeezed(std::string_view name) {
    std::string out;
    for (auto const c : name) {
        if (c != '_' && c != '-') {
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

/// The own name that a foreign one was probably meant to be. Stricter than nearest_name: a user's
/// own parameters must pass.
std::optional<std::string> mistyped_own_name(std::string const& given) {
    constexpr std::size_t long_name = 10;
    for (auto const& own : own_parameter_names()) {
        std::size_t const allowed = own.size() >= long_name ? 2 : own.size() > 2 ? 1 : 0;
        bool const near =
            given.size() <= own.size() + allowed && edit_distance(given, own) <= allowed;
        if (near || squeezed(given) == squeezed(own)) return own;
    }
    return std::nullopt;
}

/// Refuses names that look like one of ours, and tells about those that nobody will use.
void check_foreign_names(Json const& nested, ParameterReader const& runner,
                         ParameterReader const& learner, JobSpec& spec) {
    auto const& own = own_parameter_names();
    auto const knows = [](ParameterReader const& reader, std::string const& name) {
        return std::find(reader.known().begin(), reader.known().end(), name) !=
               reader.known().end();
    };
    for (auto const& member : nested.items()) {
        auto const name = member.key().substr(0, member.key().find('.'));
        if (std::find(own.begin(), own.end(), name) != own.end()) continue;
        if (auto const meant = mistyped_own_name(name)) {
            throw InputError("parameter '" + member.key() + "' is unknown. Did you mean '" +
                             *meant + "'?");
        }
        if (spec.config_templates.empty()) continue;  // part of the learner's configuration
        std::string hint;
        if (knows(runner, name)) hint = " Did you mean 'runner." + name + "'?";
        if (knows(learner, name)) hint = " Did you mean 'learner." + name + "'?";
        spec.notices.push_back("parameter '" + member.key() + "' is not used by reprise." + hint);
    }
}

}  // namespace

std::vector<std::string> const& stop_signal_names() {
    static Texts const names{"TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"};
    return names;
}

std::vector<std::string> const& own_parameter_names() {
    static Texts const names{"config",
                             "training_iterations",
                             "learning_runs_per_job",
                             "max_attempts",
                             "runner",
                             "learner",
                             "singularity",
                             "working_dir",
                             "id"};
    return names;
}

JobSpec make_job_spec(Parameters const& parameters) {
    auto const nested = nested_groups(parameters.values);
    JobSpec spec;
    spec.notices = parameters.notices;
    ParameterReader top(nested, "");
    spec.training_iterations =
        to_int(top.integer("training_iterations", counter_range).value_or(1));
    spec.learning_runs_per_job =
        to_int(top.integer("learning_runs_per_job", counter_range).value_or(3));
    spec.max_attempts = to_int(top.integer("max_attempts", counter_range).value_or(3));

    auto const config_group = group_of(nested, "config");
    spec.config_templates =
        ParameterReader(config_group, "config.").text("config_templates").value_or("");
    auto const runner_group = group_of(nested, "runner");
    ParameterReader runner(runner_group, "runner.");
    spec.runner = read_runner(runner, spec.learning_runs_per_job);
    auto const learner_group = group_of(nested, "learner");
    ParameterReader learner(learner_group, "learner.");
    spec.learner = read_learner(learner);
    read_singularity(group_of(nested, "singularity"), spec);
    check_foreign_names(nested, runner, learner, spec);

    auto const working_dir = top.text("working_dir");
    if (!working_dir) {
        throw InputError(
            "parameter 'working_dir' is missing. Give the directory for the results, such as "
            "working_dir=\"'out'\".");
    }
    spec.working_dir = *working_dir;
    if (spec.config_templates.empty() && !learner_group.contains("command")) {
        throw InputError(
            "parameter 'config.config_templates' is missing (the default learner is configured by "
            "template files). Give the path of the template set, or a learner.command.");
    }
    return spec;
}

}  // namespace reprise
