#include "reprise/parameters/sample_digest.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "parameter_name.hpp"
#include "parameter_reader.hpp"
#include "reprise/parameters/python_text.hpp"
#include "sha256.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;
using Values = std::map<std::string, Json>;

/// Every leaf under its name, as a user would write it: a.b:0 for the first of a list.
void flatten(Json const& value, std::string const& name, Values& values) {
    if (value.is_object() && !value.empty()) {
        for (auto const& [key, member] : value.items()) {
            flatten(member, member_name(name, key), values);
        }
    } else if (value.is_array() && !value.empty()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            flatten(value[i], element_name(name, i), values);
        }
    } else {
        values[name] = value;
    }
}

template <class T>
Json or_null(std::optional<T> const& value) {
    return value ? Json(*value) : Json();
}

/// Everything that a JobSpec says, defaults included.
Values values_of(JobSpec const& spec) {
    auto const& runner = spec.runner;
    auto const& learner = spec.learner;
    Json const all = {{"training_iterations", spec.training_iterations},
                      {"learning_runs_per_job", spec.learning_runs_per_job},
                      {"max_attempts", spec.max_attempts},
                      {"learner",
                       {{"backend", learner.backend},
                        {"command", learner.command},
                        {"stop", learner.stop},
                        {"reward_file", learner.reward_file},
                        {"reward_column", learner.reward_column},
                        {"model", learner.model},
                        {"steps_parameter", learner.steps_parameter},
                        {"seed_parameter", learner.seed_parameter}}},
                      {"runner",
                       {{"ranks", or_null(runner.ranks)},
                        {"launcher", static_cast<int>(runner.launcher)},
                        {"mpirun_args", runner.mpirun_args},
                        {"iterations_per_job", runner.iterations_per_job},
                        {"base_seed", or_null(runner.base_seed)},
                        {"early_reports", runner.early_reports},
                        {"reducers", runner.reducers},
                        {"on_exhausted", or_null(runner.accept)},
                        {"results_dir", runner.results_dir},
                        {"max_restarts", runner.max_restarts},
                        {"on_term", static_cast<int>(runner.on_term)},
                        {"stop_signal", runner.stop_signal},
                        {"stop_grace_s", runner.stop_grace_s},
                        {"run_time_limit_s", runner.run_time_limit_s},
                        {"stall_timeout_s", runner.stall_timeout_s},
                        {"memory_limit_mb", runner.memory_limit_mb}}}};
    Values values;
    flatten(all, "", values);
    // How the image is started may change.
    if (!spec.image.path.empty()) values["singularity.image"] = spec.image.path;
    return values;
}

bool is_changeable(std::string const& name) {
    auto const& names = changeable_parameters();
    return std::any_of(names.begin(), names.end(), [&](std::string const& changeable) {
        return name == changeable || name.starts_with(changeable + ":") ||
               name.starts_with(changeable + ".");
    });
}

std::string difference(std::string const& name, Json const* before, Json const* now) {
    std::string const begun = " when this sample was begun";
    std::string text = "parameter '" + name + "'";
    if (before == nullptr) {
        text += " is " + shown_value(*now) + " and was not there" + begun;
    } else if (now == nullptr) {
        text += " was " + shown_value(*before) + begun + " and is not so now";
    } else {
        text += " is " + shown_value(*now) + " and was " + shown_value(*before) + begun;
    }
    return text + " (one results file holds one sample). Use another working_dir, or what it was.";
}

}  // namespace

std::vector<std::string> const& changeable_parameters() {
    // Where and how long it runs, and when it gives up; not what is trained.
    static std::vector<std::string> const names{
        "max_attempts",           "runner.ranks",
        "runner.launcher",        "runner.mpirun_args",
        "runner.on_term",         "runner.iterations_per_job",
        "runner.on_exhausted",    "runner.results_dir",
        "runner.max_restarts",    "runner.stop_signal",
        "runner.stop_grace_s",    "runner.container",
        "runner.tmp_size_mb",     "singularity.executable",
        "singularity.use_run",    "singularity.args",
        "runner.cores",           "runner.threads",
        "runner.gpus_per_run",    "runner.run_time_limit_s",
        "runner.stall_timeout_s", "runner.memory_limit_mb",
        "runner.time_limit_s",    "runner.stop_margin_s",
        "learner.checkpoints"};
    return names;
}

SampleDigest digest_sample(JobSpec const& spec, ConfigurationSet const& configuration) {
    auto values = values_of(spec);
    std::erase_if(values, [](auto const& entry) { return is_changeable(entry.first); });
    flatten(configuration.merged(), configuration.has_templates() ? "config" : "", values);
    Json object = Json::object();
    for (auto& [name, value] : values) object.push_back({name, std::move(value)});
    SampleDigest digest;
    digest.text = python_json_line(object);
    digest.hex = sha256_hex(digest.text);
    return digest;
}

std::optional<std::string> first_difference(std::string_view stored, std::string_view now) {
    if (stored == now) return std::nullopt;
    auto const old_values = Json::parse(stored, nullptr, false);
    auto const new_values = Json::parse(now, nullptr, false);
    if (!old_values.is_object() || !new_values.is_object()) {
        return "the parameters that this sample was begun with cannot be read. Use another "
               "working_dir.";
    }
    std::set<std::string> names;
    for (auto const& member : old_values.items()) names.insert(member.key());
    for (auto const& member : new_values.items()) names.insert(member.key());
    for (auto const& name : names) {
        auto const before = old_values.find(name);
        auto const after = new_values.find(name);
        auto const* const old_value = before == old_values.end() ? nullptr : &*before;
        auto const* const new_value = after == new_values.end() ? nullptr : &*after;
        bool const same =
            old_value != nullptr && new_value != nullptr && old_value->dump() == new_value->dump();
        if (!same) return difference(name, old_value, new_value);
    }
    return std::nullopt;
}

}  // namespace reprise
