#include "parameter_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_text.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

std::optional<std::int64_t> to_integer(Json const& value) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (value.is_number_unsigned()) {
        auto const number = value.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(most)) return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_number_float()) return std::nullopt;
    auto const number = value.get<double>();
    constexpr double exact = 9007199254740992.0;  // 2^53
    if (number != std::floor(number) || std::fabs(number) > exact) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

std::string quoted_list(std::vector<std::string> const& names) {
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) {
        list += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + ("'" + names[i] + "'");
    }
    return list;
}

}  // namespace

std::string shown_value(Json const& value) {
    constexpr std::size_t most = 60;
    auto text = python_repr(value);
    if (text.size() <= most) return text;
    auto cut = most;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    return text.substr(0, cut) + "…";
}

ParameterReader::ParameterReader(Json const& group, std::string prefix)
    : group_(group), prefix_(std::move(prefix)) {}

bool ParameterReader::is_there(std::string const& name) const { return group_.contains(name); }

Json const* ParameterReader::value(std::string const& name) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.push_back(name);
    auto const found = group_.find(name);
    return found == group_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::int64_t> ParameterReader::integer(std::string const& name, IntegerRange range) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    auto const number = to_integer(*given);
    if (!number || *number < range.least || *number > range.most) {
        refuse(name, "Give an integer from " + std::to_string(range.least) + " to " +
                         std::to_string(range.most) + ".");
    }
    return number;
}

std::optional<double> ParameterReader::number_from_zero(std::string const& name) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    constexpr double most = 1e9;
    if (!given->is_number() || given->get<double>() < 0 || given->get<double>() > most) {
        refuse(name, "Give a number from 0 to 1e9.");
    }
    return given->get<double>();
}

std::optional<std::string> ParameterReader::text(std::string const& name) {
    auto given = any_text(name);
    if (given && given->empty()) refuse(name, "Give a text that is not empty.");
    return given;
}

std::optional<std::string> ParameterReader::any_text(std::string const& name) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    if (!given->is_string() ||
        given->get_ref<std::string const&>().find('\0') != std::string::npos) {
        refuse(name, "Give a text.");
    }
    return given->get<std::string>();
}

std::optional<bool> ParameterReader::boolean(std::string const& name) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    if (!given->is_boolean()) refuse(name, "Give True or False.");
    return given->get<bool>();
}

std::optional<std::string> ParameterReader::choice(std::string const& name,
                                                   std::vector<std::string> const& allowed) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    // Not std::find: with GCC 14 a text on the left of == knows no JSON on the right.
    bool const is_allowed = std::any_of(allowed.begin(), allowed.end(),
                                        [given](auto const& one) { return *given == one; });
    if (!is_allowed) refuse(name, "Give " + quoted_list(allowed) + ".");
    return given->get<std::string>();
}

std::optional<std::vector<std::string>> ParameterReader::texts(std::string const& name,
                                                               std::string const& example) {
    auto const* const given = value(name);
    if (given == nullptr) return std::nullopt;
    bool const fits =
        given->is_array() && std::all_of(given->begin(), given->end(), [](Json const& element) {
            return element.is_string() &&
                   element.get_ref<std::string const&>().find('\0') == std::string::npos;
        });
    if (!fits) refuse(name, "Give a list of texts, such as " + example + ".");
    return given->get<std::vector<std::string>>();
}

void ParameterReader::refuse(std::string const& name, std::string const& remedy) const {
    throw InputError("parameter '" + prefix_ + name + "' is " + shown_value(group_.at(name)) +
                     ". " + remedy);
}

void ParameterReader::refuse_unknown() const {
    for (auto const& member : group_.items()) {
        if (std::find(known_.begin(), known_.end(), member.key()) != known_.end()) continue;
        throw InputError("parameter '" + prefix_ + member.key() + "' is unknown." +
                         did_you_mean(member.key(), known_, prefix_));
    }
}

}  // namespace reprise
