/// @file Reads the files under tests/data.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace reprise {

/// The bytes of tests/data/NAME.
inline std::string data_file(std::string const& name) {
    std::ifstream stream(std::string(REPRISE_TEST_DATA) + "/" + name, std::ios::binary);
    if (!stream) throw std::runtime_error("tests/data/" + name + " cannot be opened");
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

}  // namespace reprise
