/// @file Names of parameters as users write them.
#pragma once

#include <cstddef>
#include <string>

namespace reprise {

/// a.b; the key alone at the top.
[[nodiscard]] inline std::string member_name(std::string const& group, std::string const& key) {
    return group.empty() ? key : group + "." + key;
}

/// a:0
[[nodiscard]] inline std::string element_name(std::string const& list, std::size_t index) {
    return list + ":" + std::to_string(index);
}

}  // namespace reprise
