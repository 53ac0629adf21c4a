#include "parameter_merge.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "parameter_reader.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_text.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys_of(Json const& object) {
    std::vector<std::string> keys;
    for (auto const& member : object.items()) keys.push_back(member.key());
    return keys;
}

/// "robot_position:0:1" -> {"robot_position", "0:1"}; nothing when no index stands at the end.
struct IndexedName {
    std::string name;
    std::string indices;
};

std::optional<IndexedName> split_indices(std::string const& key) {
    auto at = key.size();
    auto begin = key.size();
    while (true) {
        auto const colon = key.find_last_not_of("0123456789", at - 1);
        if (colon == std::string::npos || colon == 0 || key[colon] != ':' || colon + 1 == at) break;
        begin = colon;
        at = colon;
    }
    if (begin == key.size()) return std::nullopt;
    return IndexedName{key.substr(0, begin), key.substr(begin + 1)};
}

char const* type_words(Json const& value) {
    switch (value.type()) {
        case Json::value_t::boolean:
            return "True or False";
        case Json::value_t::string:
            return "a text";
        case Json::value_t::array:
            return "a list";
        case Json::value_t::object:
            return "a group";
        case Json::value_t::null:
            return "None";
        default:
            return "a number";
    }
}

/// 2 for 2.0.
std::optional<std::int64_t> without_fraction(double value) {
    constexpr double exact = 9007199254740992.0;  // 2^53
    if (value != std::floor(value) || std::fabs(value) > exact) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

bool is_list_of_numbers(Json const& value) {
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [](Json const& e) { return e.is_number(); });
}

}  // namespace

ParameterMerge::ParameterMerge(std::string file, std::string prefix)
    : file_(std::move(file)), prefix_(std::move(prefix)) {}

void ParameterMerge::apply(Json const& parameters, Json& target) {
    apply_group(parameters, target, prefix_, "");
}

void ParameterMerge::apply_group(Json const& parameters, Json& target, std::string const& prefix,
                                 std::string const& pointer) {
    // Whole values first: an index means an element of the list that a parameter gives.
    std::vector<std::pair<IndexedName, Json const*>> elements;
    for (auto const& [key, value] : parameters.items()) {
        if (target.contains(key)) {
            assign(value, target[key], prefix + key, pointer + pointer_step(key));
            continue;
        }
        auto indexed = split_indices(key);
        auto const& base = indexed ? indexed->name : key;
        if (!target.contains(base)) {
            refuse_unknown(prefix, key, base, target);
        }
        elements.emplace_back(std::move(*indexed), &value);
    }
    for (auto const& [indexed, value] : elements) {
        assign_element(*value, target[indexed.name], prefix + indexed.name, indexed.indices,
                       pointer + pointer_step(indexed.name));
    }
}

void ParameterMerge::refuse_unknown(std::string const& prefix, std::string const& key,
                                    std::string const& base, Json const& target) const {
    throw InputError("parameter '" + prefix + key + "' is unknown ('" + base + "' is not in '" +
                     file_ + "')." + did_you_mean(base, keys_of(target), prefix));
}

void ParameterMerge::assign_element(Json const& value, Json& list, std::string const& name,
                                    std::string const& indices, std::string const& pointer) {
    auto const full_name = name + ":" + indices;
    if (!list.is_array()) {
        throw InputError("parameter '" + full_name + "' has an index, but '" + name + "' in '" +
                         file_ + "' is " + type_words(list) + ". Leave the index out.");
    }
    auto const colon = indices.find(':');
    auto const text = std::string_view(indices).substr(0, colon);
    std::size_t index = 0;
    auto const error = std::from_chars(text.data(), text.data() + text.size(), index).ec;
    if (error != std::errc{} || index >= list.size()) {
        auto const range = list.empty() ? std::string("the list is empty")
                           : list.size() == 1
                               ? std::string("the only index is 0")
                               : "indices go from 0 to " + std::to_string(list.size() - 1);
        throw InputError("parameter '" + full_name + "' has an index out of range (" + range +
                         " in '" + file_ + "').");
    }
    auto const element = name + ":" + std::to_string(index);
    auto const element_pointer = pointer + pointer_step(std::to_string(index));
    if (colon == std::string::npos) {
        assign(value, list[index], element, element_pointer);
    } else {
        assign_element(value, list[index], element, indices.substr(colon + 1), element_pointer);
    }
}

void ParameterMerge::assign(Json const& value, Json& target, std::string const& name,
                            std::string const& pointer) {
    if (value.is_object() && target.is_object()) {
        apply_group(value, target, name + ".", pointer);
        return;
    }
    note_assigned(pointer, name);
    if (value.is_null() || target.is_null()) {
        target = value;
    } else if (value.is_number() && target.is_number()) {
        assign_number(value, target, name);
    } else if (value.type() != target.type()) {
        refuse_type(value, target, name);
    } else {
        bool const numbers = is_list_of_numbers(target);
        bool const fits = !numbers || std::all_of(value.begin(), value.end(), [](Json const& e) {
            return e.is_number() || e.is_null();
        });
        if (!fits) {
            throw InputError("parameter '" + name + "' is " + shown_value(value) + ", but '" +
                             file_ + "' has a list of numbers there. Give numbers.");
        }
        target = value;
    }
}

void ParameterMerge::assign_number(Json const& value, Json& target, std::string const& name) {
    if (value.is_number_float() && target.is_number_integer()) {
        if (auto const whole = without_fraction(value.get<double>())) {
            target = *whole;
            return;
        }
        notices_.push_back("parameter '" + name + "' is " + shown_value(value) + ", where '" +
                           file_ + "' has the integer " + shown_value(target) + ".");
    }
    target = value;
}

void ParameterMerge::refuse_type(Json const& value, Json const& target,
                                 std::string const& name) const {
    throw InputError("parameter '" + name + "' is " + shown_value(value) + ", but '" + file_ +
                     "' has " + shown_value(target) + " there. Give " + type_words(target) + ".");
}

void ParameterMerge::note_assigned(std::string const& pointer, std::string const& name) {
    if (!assigned_.insert(pointer).second) {
        throw InputError("parameter '" + name + "' is given twice. Keep one of the two.");
    }
}

}  // namespace reprise
