#include "reprise/commands/unique_name.hpp"

#include <unistd.h>

#include <random>

namespace reprise {

std::string unique_name() {
    std::random_device random;
    return "reprise." + std::to_string(::getpid()) + "." + std::to_string(random()) +
           std::to_string(random());
}

}  // namespace reprise
