#include "reprise/parameters/client_files.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "reprise/parameters/python_text.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

/// Column names and their values.
using Columns = std::vector<std::pair<std::string, std::string>>;

/// As Python's csv module writes a field: quoted only where it must be.
std::string csv_field(std::string const& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (auto const c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

std::string one_row_csv(Columns const& columns) {
    std::string header;
    std::string row;
    for (auto const& [name, value] : columns) {
        bool const first = &name == &columns.front().first;
        header += (first ? "" : ",") + csv_field(name);
        row += (first ? "" : ",") + csv_field(value);
    }
    // A line with one empty field would be an empty line.
    if (columns.size() == 1 && header.empty()) header = "\"\"";
    if (columns.size() == 1 && row.empty()) row = "\"\"";
    return header + "\r\n" + row + "\r\n";
}

/// What str() gives, which csv writes; None is empty.
std::string cell(Json const& value, std::set<std::string> const& tuples,
                 std::string const& pointer) {
    if (value.is_null()) return "";
    if (value.is_string()) return value.get<std::string>();
    return python_repr(value, tuples, pointer);
}

void flatten(Json const& group, std::string const& prefix, std::string const& pointer,
             std::set<std::string> const& tuples, Columns& columns) {
    for (auto const& [key, value] : group.items()) {
        auto const name = prefix + key;
        auto const inner = pointer + pointer_step(key);
        if (value.is_object()) {
            flatten(value, name + ".", inner, tuples, columns);
        } else {
            columns.emplace_back(name, cell(value, tuples, inner));
        }
    }
}

}  // namespace

std::string settings_json(Parameters const& parameters) {
    return python_json(parameters.values, KeyOrder::sorted);
}

std::string param_choice_csv(Parameters const& parameters) {
    auto values = parameters.values;
    for (auto const& [name, value] :
         {std::pair{"training_iterations", 1}, std::pair{"learning_runs_per_job", 3},
          std::pair{"max_attempts", 3}}) {
        if (!values.contains(name)) values[name] = value;
    }
    Columns columns;
    flatten(values, "", "", parameters.tuples, columns);
    return one_row_csv(columns);
}

std::string metrics_csv(Json const& metrics) {
    Columns columns;
    for (auto const& [name, value] : metrics.items())
        columns.emplace_back(name, cell(value, {}, ""));
    return one_row_csv(columns);
}

}  // namespace reprise
