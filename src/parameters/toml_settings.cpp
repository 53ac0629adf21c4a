// Debian builds a shared library of it as well, which is not needed.
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "parameter_name.hpp"
#include "reprise/core/error.hpp"
#include "reprise/parameters/python_text.hpp"
#include "reprise/parameters/settings_text.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;
using Place = std::pair<toml::source_index, toml::source_index>;

Place place_of(toml::source_position const& position) { return {position.line, position.column}; }

/// Where the key, or the first key below it, stands in the file: toml++ sorts tables by name and
/// gives headers that name several levels one place.
Place first_place(toml::key const& key, toml::node const& node) {
    auto place = place_of(key.source().begin);
    if (auto const* const table = node.as_table()) {
        for (auto const& [name, member] : *table) {
            place = std::min(place, first_place(name, member));
        }
    }
    return place;
}

class TomlConverter {
  public:
    explicit TomlConverter(std::string const& file) : file_(file) {}

    Json convert(toml::node const& node, std::string const& name) {
        switch (node.type()) {
            case toml::node_type::table:
                return convert_table(*node.as_table(), name);
            case toml::node_type::array:
                return convert_array(*node.as_array(), name);
            case toml::node_type::string:
                return node.as_string()->get();
            case toml::node_type::integer:
                return node.as_integer()->get();
            case toml::node_type::boolean:
                return node.as_boolean()->get();
            case toml::node_type::floating_point: {
                auto const value = node.as_floating_point()->get();
                if (std::isfinite(value)) return value;
                refuse(name, "is " + python_float(value) + " (not a finite number)",
                       "Give it a finite number.");
            }
            default:
                refuse(name, "is a date or time", "Write it as a string.");
        }
    }

  private:
    [[noreturn]] void refuse(std::string const& name, std::string const& is,
                             std::string const& remedy) const {
        throw InputError("parameter '" + name + "' in '" + file_ + "' " + is + ". " + remedy);
    }
    Json convert_table(toml::table const& table, std::string const& name) {
        struct Member {
            Place place;
            std::string_view key;
            toml::node const* node;
        };
        std::vector<Member> members;
        for (auto const& [key, node] : table) {
            members.push_back({first_place(key, node), key.str(), &node});
        }
        std::stable_sort(members.begin(), members.end(),
                         [](Member const& a, Member const& b) { return a.place < b.place; });
        auto object = Json::object();
        for (auto const& member : members) {
            auto const key = std::string(member.key);
            object[key] = convert(*member.node, member_name(name, key));
        }
        return object;
    }
    Json convert_array(toml::array const& array, std::string const& name) {
        auto list = Json::array();
        for (auto const& element : array) {
            list.push_back(convert(element, element_name(name, list.size())));
        }
        return list;
    }

    std::string const& file_;
};

}  // namespace

nlohmann::ordered_json parse_toml_text(std::string_view text, std::string const& file) {
    try {
        auto const table = toml::parse(text, file);
        return TomlConverter(file).convert(table, "");
    } catch (toml::parse_error const& error) {
        auto const& begin = error.source().begin;
        throw InputError("cannot read '" + file + "' (line " + std::to_string(begin.line) +
                         ", column " + std::to_string(begin.column) + ": " +
                         std::string(error.description()) + "). Correct the TOML there.");
    }
}

}  // namespace reprise
