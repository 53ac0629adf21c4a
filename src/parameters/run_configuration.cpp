#include "reprise/parameters/run_configuration.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "parameter_merge.hpp"
#include "parameter_name.hpp"
#include "parameter_reader.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_text.hpp"
#include "template_set.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

constexpr char const* load_path_pointer = "/rl_config/load_path";
constexpr char const* save_path_pointer = "/rl_config/save_path";
constexpr char const* log_path_pointer = "/rl_config/log_path";

std::vector<std::string> keys_of(Json const& object) {
    std::vector<std::string> keys;
    if (!object.is_object()) return keys;
    for (auto const& member : object.items()) keys.push_back(member.key());
    return keys;
}

bool has(Json const& value, std::string const& pointer) { return value.contains(Pointer(pointer)); }

/// rl_config.num_timesteps -> /rl_config/num_timesteps
std::string pointer_to(std::string const& place) {
    std::string pointer;
    std::string_view rest = place;
    while (true) {
        auto const dot = rest.find('.');
        pointer += pointer_step(rest.substr(0, dot));
        if (dot == std::string_view::npos) return pointer;
        rest.remove_prefix(dot + 1);
    }
}

/// Says where a place that learner.* names ends, and what is there instead.
[[noreturn]] void refuse_place(std::string const& parameter, std::string const& place,
                               Json const& merged) {
    auto const* group = &merged;
    std::string_view rest = place;
    std::string way;
    std::string step;
    while (true) {
        auto const dot = rest.find('.');
        step = rest.substr(0, dot);
        way = member_name(way, step);
        if (!group->is_object() || !group->contains(step)) break;
        group = &(*group)[step];
        REPRISE_ASSERT(dot != std::string_view::npos);
        rest.remove_prefix(dot + 1);
    }
    throw InputError("parameter '" + parameter + "' is '" + place + "' ('" + way +
                     "' is not in the configuration)." +
                     did_you_mean(step, keys_of(*group), way.substr(0, way.size() - step.size())));
}

/// Refuses parameters of a configuration file that is not there, or that are none.
void check_file_parameters(std::string const& name, Json const& parameters,
                           TemplateSet const& templates) {
    auto const parameter = "config." + name;
    if (!templates.files.contains(name)) {
        throw InputError("parameter '" + parameter + "' is unknown (there is no such file in '" +
                         templates.path + "')." +
                         did_you_mean(name, keys_of(templates.files), "config."));
    }
    if (!parameters.is_object()) {
        throw InputError("parameter '" + parameter + "' is " + shown_value(parameters) + ", but '" +
                         templates.path + "' has a file there. Give '" + parameter + ".<name>'.");
    }
}

/// Resolves a path as the training will, whose working directory is its run directory.
std::string from_run_dir(std::string const& run_dir, std::string const& path) {
    return (std::filesystem::path(run_dir) / path).lexically_normal().generic_string();
}

}  // namespace

ConfigurationSet ConfigurationSet::load(JobSpec const& spec, Parameters const& parameters,
                                        FileReader const& read_file) {
    auto const nested = nested_groups(parameters.values);
    ConfigurationSet set;
    set.learner_ = spec.learner;
    set.has_templates_ = !spec.config_templates.empty();
    if (set.has_templates_) {
        set.load_templates(spec, nested["config"], read_file);
    } else {
        set.take_parameters(nested);
    }
    set.find_steps();
    set.find_seed();
    return set;
}

void ConfigurationSet::load_templates(JobSpec const& spec, Json const& config,
                                      FileReader const& read_file) {
    auto templates = load_template_set(spec.config_templates, read_file);
    std::set<std::string> assigned;
    for (auto const& [name, parameters] : config.items()) {
        if (name == "config_templates") continue;
        check_file_parameters(name, parameters, templates);
        ParameterMerge merge(templates.paths.at(name), "config." + name + ".");
        merge.apply(parameters, templates.files[name]);
        for (auto const& pointer : merge.assigned()) {
            assigned.insert(pointer_step(name) + pointer);
        }
        notices_.insert(notices_.end(), merge.notices().begin(), merge.notices().end());
    }
    merged_ = std::move(templates.files);

    for (auto const* const forced : {"/hysr_config/graphics", "/hysr_config/xterms"}) {
        if (has(merged_, forced) && !assigned.contains(forced)) merged_[Pointer(forced)] = false;
    }
    has_load_path_ = has(merged_, load_path_pointer);
    save_path_forced_ = has(merged_, save_path_pointer) && !assigned.contains(save_path_pointer);
    log_path_forced_ = has(merged_, log_path_pointer) && !assigned.contains(log_path_pointer);
    if (assigned.contains(load_path_pointer) && spec.training_iterations > 1) {
        notices_.emplace_back(
            "parameter 'config.rl_config.load_path' is where iteration 0 starts; the others "
            "continue from the iteration before.");
    }
    if (assigned.contains(save_path_pointer) &&
        (spec.learning_runs_per_job > 1 || spec.training_iterations > 1)) {
        notices_.emplace_back(
            "parameter 'config.rl_config.save_path' is the same for every run, unless it is "
            "relative.");
    }
}

void ConfigurationSet::take_parameters(Json const& nested) {
    auto const& own = own_parameter_names();
    for (auto const& [key, value] : nested.items()) {
        auto const name = key.substr(0, key.find('.'));
        if (name == "config" || std::find(own.begin(), own.end(), name) == own.end()) {
            merged_[key] = value;
        }
    }
    if (learner_.seed_parameter_given && !has(merged_, pointer_to(learner_.seed_parameter))) {
        // cluster_utils lets no null pass, so naming the place is enough.
        try {
            merged_[Pointer(pointer_to(learner_.seed_parameter))] = nullptr;
        } catch (Json::exception const&) {
            refuse_place("learner.seed_parameter", learner_.seed_parameter, merged_);
        }
    }
}

void ConfigurationSet::find_steps() {
    auto const& place = learner_.steps_parameter;
    if (place.empty()) return;
    if (!has(merged_, pointer_to(place))) {
        if (learner_.steps_parameter_given) {
            refuse_place("learner.steps_parameter", place, merged_);
        }
        return;
    }
    auto const& value = merged_[Pointer(pointer_to(place))];
    constexpr double most = 9e15;
    if (value.is_number() && value.get<double>() >= 1 && value.get<double>() <= most) {
        steps_ = static_cast<std::int64_t>(value.get<double>());
    } else if (learner_.steps_parameter_given) {
        throw InputError("parameter 'learner.steps_parameter' names '" + place + "', which is " +
                         shown_value(value) + ". Name the number of steps of a training.");
    }
}

void ConfigurationSet::find_seed() {
    auto const& place = learner_.seed_parameter;
    if (place.empty()) return;
    if (!has(merged_, pointer_to(place))) {
        if (learner_.seed_parameter_given) refuse_place("learner.seed_parameter", place, merged_);
        return;
    }
    auto const& value = merged_[Pointer(pointer_to(place))];
    if (value.is_null() || value.is_number_integer()) {
        seed_pointer_ = pointer_to(place);
    } else if (learner_.seed_parameter_given) {
        throw InputError("parameter 'learner.seed_parameter' names '" + place + "', which is " +
                         shown_value(value) + ". Name an integer or null.");
    }
}

bool ConfigurationSet::goes_on_from_checkpoints() const {
    if (learner_.checkpoints.empty()) return false;
    auto const& command = learner_.command;
    return learner_.checkpoints_given || has_load_path_ ||
           std::any_of(command.begin(), command.end(), [](std::string const& argument) {
               return argument.find("@load_path@") != std::string::npos;
           });
}

RunConfiguration ConfigurationSet::for_attempt(AttemptContext const& context) const {
    REPRISE_EXPECT(context.working_dir.starts_with('/'));
    RunConfiguration run;
    run.context = context;
    auto const run_dir = context.run_dir();
    auto const log_dir = std::filesystem::path(learner_.reward_file).parent_path().generic_string();
    run.save_path = run_dir + "/" + learner_.model;
    run.log_path = log_dir.empty() ? run_dir : run_dir + "/" + log_dir;
    run.reward_path = run_dir + "/" + learner_.reward_file;

    auto configuration = merged_;
    auto const set_path = [&](char const* pointer, bool forced, std::string& path) {
        if (!has(configuration, pointer)) return;
        auto& value = configuration[Pointer(pointer)];
        if (forced) {
            value = path;
        } else if (value.is_string()) {
            path = from_run_dir(run_dir, value.get<std::string>());
        }
    };
    if (has_templates_) {
        set_path(save_path_pointer, save_path_forced_, run.save_path);
        set_path(log_path_pointer, log_path_forced_, run.log_path);
    }
    if (has_load_path_) {
        auto& value = configuration[Pointer(load_path_pointer)];
        if (!context.load_path.empty()) {
            value = context.load_path;
        } else if (value.is_string() && !value.get_ref<std::string const&>().empty()) {
            run.context.load_path = from_run_dir(run_dir, value.get<std::string>());
        }
    }
    if (context.steps_left > 0 && steps_) {
        configuration[Pointer(pointer_to(learner_.steps_parameter))] = context.steps_left;
    }
    if (!seed_pointer_.empty()) {
        auto& value = configuration[Pointer(seed_pointer_)];
        if (value.is_null()) {
            value = context.seed;
        } else {
            run.context.seed = value.get<std::int64_t>();
        }
    }

    if (!has_templates_) {
        run.files.push_back({context.config_path(), python_json(configuration)});
        return run;
    }
    auto const config_dir = run_dir + "/config/";
    auto main = Json::object();
    for (auto const& [name, file] : configuration.items()) {
        auto path = config_dir;
        path.append(name).append(".json");
        run.files.push_back({path, python_json(file)});
        main[name] = path;
    }
    run.files.push_back({context.config_path(), python_json(main)});
    return run;
}

}  // namespace reprise
