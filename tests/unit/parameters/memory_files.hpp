/// @file Files that exist only in a test.
#pragma once

#include <map>
#include <string>

#include "reprise/core/error.hpp"
#include "reprise/parameters/parameters.hpp"

namespace reprise {

using MemoryFiles = std::map<std::string, std::string>;

/// Reads from the map; what is not in it cannot be opened.
inline FileReader reader_of(MemoryFiles files) {
    return [files = std::move(files)](std::string const& path) {
        auto const found = files.find(path);
        if (found == files.end()) {
            throw Error(Error::Kind::not_found, "open", path, "No such file or directory");
        }
        return found->second;
    };
}

}  // namespace reprise
