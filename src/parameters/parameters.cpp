#include "reprise/parameters/parameters.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include "parameter_name.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_literal.hpp"
#include "reprise/parameters/python_text.hpp"
#include "reprise/parameters/settings_text.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

/// Names that cluster_utils keeps for itself.
constexpr std::array<std::string_view, 3> reserved_names{"_id", "_iteration", "job_restarts"};
constexpr std::string_view import_name = "__import__";
/// Groups in which an override may begin a group that is not there yet.
constexpr std::array<std::string_view, 3> growing_groups{"config", "runner", "learner"};
constexpr std::array<std::string_view, 4> own_groups{"config", "runner", "learner", "singularity"};

template <std::size_t size>
bool is_one_of(std::array<std::string_view, size> const& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view trim(std::string_view text) {
    constexpr auto blanks = " \t\n\r\f\v";
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string shortened(std::string_view text) {
    constexpr std::size_t most = 60;
    if (text.size() <= most) return std::string(text);
    auto cut = most;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    return std::string(text.substr(0, cut)) + "…";
}

std::vector<std::string> groups_in(Json const& object) {
    std::vector<std::string> names;
    for (auto const& [key, value] : object.items()) {
        if (value.is_object()) names.push_back(key);
    }
    return names;
}

void note_numpy_scalars(PythonLiteral const& literal, std::vector<std::string>& names) {
    names.insert(names.end(), literal.numpy_scalars.begin(), literal.numpy_scalars.end());
}

Json parse_dictionary(std::string const& text, std::vector<std::string>& numpy_scalars) {
    auto outcome = read_python_literal(text);
    if (auto const* const error = std::get_if<LiteralError>(&outcome)) {
        if (error->names_parameter) throw InputError(error->what);
        throw InputError("cannot read the parameter dictionary (at offset " +
                         std::to_string(error->offset) + ": " + error->what +
                         "). Give a Python dictionary, such as \"{'working_dir': 'out'}\".");
    }
    auto& literal = std::get<PythonLiteral>(outcome);
    if (!literal.value.is_object()) {
        throw InputError(
            "the parameters are no dictionary. Give one, such as \"{'working_dir': 'out'}\".");
    }
    note_numpy_scalars(literal, numpy_scalars);
    return std::move(literal.value);
}

Json parse_file(std::string const& path, FileReader const& read_file) {
    Json values;
    if (path.ends_with(".json")) {
        values = parse_json_text(read_file(path), path);
    } else if (path.ends_with(".toml")) {
        values = parse_toml_text(read_file(path), path);
    } else {
        throw InputError("settings file '" + shortened(path) +
                         "' has an unknown type. Give a file that ends in .json or .toml.");
    }
    if (!values.is_object()) {
        throw InputError("'" + path +
                         "' holds no parameters (a JSON object is expected). Write {\"name\": "
                         "value, …}.");
    }
    return values;
}

/// Applies one key=value.
class Override {
  public:
    Override(std::string const& argument, Parameters& parameters,
             std::vector<std::string>& numpy_scalars)
        : argument_(argument), parameters_(parameters), numpy_scalars_(numpy_scalars) {}

    void apply() {
        auto const equals = argument_.find('=');
        auto const name = std::string(trim(std::string_view(argument_).substr(0, equals)));
        auto const text = equals == std::string::npos
                              ? std::string_view{}
                              : trim(std::string_view(argument_).substr(equals + 1));
        if (name.empty() || text.empty()) {
            throw InputError("argument '" + shortened(argument_) +
                             "' is no key=value. Write it as runner.ranks=2.");
        }
        auto literal = read_value(text, name);
        std::string pointer;
        auto& place = find_place(name, pointer);
        place = std::move(literal.value);
        std::erase_if(parameters_.tuples, [&](std::string const& tuple) {
            return tuple == pointer || tuple.starts_with(pointer + "/");
        });
        for (auto const& tuple : literal.tuples) parameters_.tuples.insert(pointer + tuple);
        note_numpy_scalars(literal, numpy_scalars_);
    }

  private:
    static PythonLiteral read_value(std::string_view text, std::string const& name) {
        auto outcome = read_python_literal(text, name);
        if (auto* const literal = std::get_if<PythonLiteral>(&outcome)) return std::move(*literal);
        auto const& error = std::get<LiteralError>(outcome);
        if (error.names_parameter) throw InputError(error.what);
        throw InputError("value '" + shortened(text) + "' of parameter '" + name +
                         "' is no Python literal (at offset " + std::to_string(error.offset) +
                         ": " + error.what + "). Write text in quotes: " + name + "='text'.");
    }

    /// The value that is set; groups on the way are made where that is allowed. A parameter that
    /// was given with dots in its name is found under that name.
    Json& find_place(std::string const& name, std::string& pointer) {
        auto* group = &parameters_.values;
        bool const may_grow = is_one_of(growing_groups, name.substr(0, name.find('.')));
        std::string_view rest = name;
        std::string way;
        while (true) {
            auto const dot = rest.find('.');
            if (dot == std::string_view::npos || group->contains(std::string(rest))) break;
            auto const step = std::string(rest.substr(0, dot));
            way = member_name(way, step);
            if (!group->contains(step)) {
                if (!may_grow) refuse_missing_group(name, way, group_names(*group));
                (*group)[step] = Json::object();
            }
            group = &(*group)[step];
            if (!group->is_object()) refuse_value_as_group(name, way);
            pointer += pointer_step(step);
            rest.remove_prefix(dot + 1);
        }
        pointer += pointer_step(rest);
        return (*group)[std::string(rest)];
    }

    /// The groups that could have been meant, at the top those of reprise as well.
    [[nodiscard]] std::vector<std::string> group_names(Json const& group) const {
        auto names = groups_in(group);
        if (&group == &parameters_.values) {
            for (auto const& own : own_groups) {
                if (!group.contains(own)) names.emplace_back(own);
            }
        }
        return names;
    }
    [[noreturn]] static void refuse_missing_group(std::string const& name, std::string const& way,
                                                  std::vector<std::string> const& known) {
        auto const last = way.rfind('.') + 1;
        if (std::find(known.begin(), known.end(), way) != known.end()) {
            throw InputError("parameter '" + name + "' cannot be set (there is no group '" + way +
                             "' in the settings). Put it there: {\"" + way + "\": {…}}.");
        }
        throw InputError("parameter '" + name + "' cannot be set (there is no group '" + way +
                         "')." + did_you_mean(way.substr(last), known, way.substr(0, last)));
    }
    [[noreturn]] static void refuse_value_as_group(std::string const& name,
                                                   std::string const& way) {
        throw InputError("parameter '" + name + "' cannot be set ('" + way +
                         "' is no group). Set '" + way + "' itself.");
    }

    std::string const& argument_;
    Parameters& parameters_;
    std::vector<std::string>& numpy_scalars_;
};

void refuse_imports(Json const& value) {
    if (value.is_object() && value.contains(import_name)) {
        throw InputError(
            "'__import__' is not available in a job's settings. Write the parameters into one "
            "file.");
    }
    if (!value.is_structured()) return;
    for (auto const& element : value) refuse_imports(element);
}

[[noreturn]] void refuse_no_group(std::string const& name) {
    throw InputError("parameter '" + name + "' must be a group of parameters. Give '" + name +
                     ".<name>'.");
}

/// Whether the members of an object at this path are parameters, whose names may hold dots, and
/// not a value: config, config.<file>, runner, learner, singularity.
bool holds_parameters(std::string const& path) {
    auto const dots = std::count(path.begin(), path.end(), '.');
    return dots == 0 || (dots == 1 && path.starts_with("config."));
}

/// Puts the value at the end of its path of names, and refuses to put one over another.
void insert_nested(Json& group, std::string const& name, Json const& value,
                   std::string const& prefix) {
    auto const dot = name.find('.');
    auto const step = name.substr(0, dot);
    auto const path = member_name(prefix, step);
    bool const leaf = dot == std::string::npos;
    bool const is_new = !group.contains(step);
    bool const descend = !leaf || (value.is_object() && (!is_new || holds_parameters(path)));
    if (!is_new && !(descend && group[step].is_object())) {
        throw InputError("parameter '" + path + "' is given twice. Keep one of the two.");
    }
    if (!descend) {
        group[step] = value;
        return;
    }
    auto& inner = group[step];
    if (is_new) inner = Json::object();
    if (!leaf) return insert_nested(inner, name.substr(dot + 1), value, path);
    for (auto const& member : value.items()) {
        insert_nested(inner, member.key(), member.value(), path);
    }
}

}  // namespace

Parameters load_parameters(ParameterSource const& source, FileReader const& read_file) {
    Parameters parameters;
    std::vector<std::string> numpy_scalars;
    parameters.values = source.kind == ParameterSource::Kind::dictionary
                            ? parse_dictionary(source.text, numpy_scalars)
                            : parse_file(source.text, read_file);
    refuse_imports(parameters.values);
    for (auto const& argument : source.overrides) {
        Override(argument, parameters, numpy_scalars).apply();
    }
    for (auto const& name : reserved_names) {
        if (parameters.values.contains(name)) {
            throw InputError("parameter '" + std::string(name) +
                             "' is reserved for cluster_utils. Choose another name.");
        }
    }
    if (!numpy_scalars.empty()) {
        parameters.notices.push_back(
            "parameter '" + numpy_scalars.front() + "'" +
            (numpy_scalars.size() > 1
                 ? " and " + std::to_string(numpy_scalars.size() - 1) + " more came"
                 : " came") +
            " as numpy scalars and are taken as plain values (numpy 2 on the server's side).");
    }
    return parameters;
}

nlohmann::ordered_json nested_groups(nlohmann::ordered_json const& values) {
    auto nested = Json::object();
    for (auto const& [key, value] : values.items()) {
        auto const group = key.substr(0, key.find('.'));
        if (!is_one_of(own_groups, group)) {
            nested[key] = value;
            continue;
        }
        if (key == group && !value.is_object()) refuse_no_group(group);
        insert_nested(nested, key, value, "");
    }
    return nested;
}

}  // namespace reprise
