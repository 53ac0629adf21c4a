#include "reprise/core/number_text.hpp"

#include <cstdio>

namespace reprise {

std::string number_text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return buffer;
}

}  // namespace reprise
