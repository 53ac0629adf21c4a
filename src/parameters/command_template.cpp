#include "reprise/parameters/command_template.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"

namespace reprise {

namespace {

struct Placeholder {
    std::string_view name;
    std::string (*value)(AttemptContext const&);
};

constexpr std::array<Placeholder, 8> placeholders{{
    {"config", [](AttemptContext const& c) { return c.config_path(); }},
    {"run_dir", [](AttemptContext const& c) { return c.run_dir(); }},
    {"working_dir", [](AttemptContext const& c) { return c.working_dir; }},
    {"seed", [](AttemptContext const& c) { return std::to_string(c.seed); }},
    {"run", [](AttemptContext const& c) { return std::to_string(c.key.learning_run); }},
    {"iteration", [](AttemptContext const& c) { return std::to_string(c.key.iteration); }},
    {"attempt", [](AttemptContext const& c) { return std::to_string(c.key.attempt); }},
    {"load_path", [](AttemptContext const& c) { return c.load_path; }},
}};

Placeholder const* placeholder_named(std::string_view name) {
    auto const* const found =
        std::find_if(placeholders.begin(), placeholders.end(),
                     [&](Placeholder const& placeholder) { return placeholder.name == name; });
    return found == placeholders.end() ? nullptr : found;
}

/// Copies the argument; what stands between two @ goes through `replace` if it looks like a name.
std::string replace_placeholders(std::string_view argument,
                                 std::function<std::string(std::string_view)> const& replace) {
    std::string out;
    while (true) {
        auto const begin = argument.find('@');
        if (begin == std::string_view::npos) return out + std::string(argument);
        out += argument.substr(0, begin);
        argument.remove_prefix(begin + 1);
        auto const end = argument.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
        if (end == std::string_view::npos || argument[end] != '@') {
            out += '@';  // no name and a second @ behind it: an address, a version
            continue;
        }
        out += end == 0 ? "@" : replace(argument.substr(0, end));
        argument.remove_prefix(end + 1);
    }
}

}  // namespace

void check_command(std::vector<std::string> const& command, std::string const& parameter) {
    for (auto const& argument : command) {
        (void)replace_placeholders(argument, [&](std::string_view name) -> std::string {
            if (placeholder_named(name) != nullptr) return {};
            std::vector<std::string> known;
            known.reserve(placeholders.size());
            for (auto const& placeholder : placeholders) known.emplace_back(placeholder.name);
            throw InputError("parameter '" + parameter + "' has an unknown placeholder '@" +
                             std::string(name) + "@'." + did_you_mean(name, known));
        });
    }
}

std::vector<std::string> expand_command(std::vector<std::string> const& command,
                                        AttemptContext const& context) {
    std::vector<std::string> expanded;
    expanded.reserve(command.size());
    for (auto const& argument : command) {
        expanded.push_back(replace_placeholders(argument, [&](std::string_view name) {
            auto const* const placeholder = placeholder_named(name);
            REPRISE_EXPECT(placeholder != nullptr);
            return placeholder->value(context);
        }));
    }
    return expanded;
}

std::vector<std::pair<std::string, std::string>> attempt_environment(
    AttemptContext const& context) {
    std::vector<std::pair<std::string, std::string>> variables;
    for (auto const& placeholder : placeholders) {
        std::string name = "REPRISE_";
        for (auto const c : placeholder.name) {
            name += c == '_' ? c : static_cast<char>(c - 'a' + 'A');
        }
        variables.emplace_back(std::move(name), placeholder.value(context));
    }
    return variables;
}

}  // namespace reprise
