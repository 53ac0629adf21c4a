#include "reprise/container/htcondor.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"
#include "variables.hpp"

namespace reprise {
namespace {

/// From lines "Name = value" of a ClassAd.
std::optional<int> cpus_of_machine_ad(std::string const& path) {
    constexpr std::size_t max_bytes = 1U << 20U;
    std::string text;
    try {
        text = read_file(path, max_bytes);
    } catch (Error const&) {
        return std::nullopt;
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        std::string sign;
        std::string value;
        words >> name >> sign >> value;
        if (name == "Cpus" && sign == "=") return whole_number(value);
    }
    return std::nullopt;
}

}  // namespace

bool is_htcondor_job(std::vector<std::string> const& environment) {
    return find_variable(environment, "_CONDOR_SLOT").has_value() ||
           find_variable(environment, "BATCH_SYSTEM").value_or("") == "HTCondor";
}

std::optional<int> htcondor_cpus(std::vector<std::string> const& environment) {
    if (!is_htcondor_job(environment)) return std::nullopt;
    if (auto const path = find_variable(environment, "_CONDOR_MACHINE_AD")) {
        if (auto const cpus = cpus_of_machine_ad(*path); cpus.value_or(0) > 0) return cpus;
    }
    std::map<int, int> votes;
    int all = 0;
    for (auto const name : htcondor_thread_variables) {
        auto const number = whole_number(find_variable(environment, name).value_or(""));
        if (number.value_or(0) == 0) continue;
        ++votes[*number];
        ++all;
    }
    if (all < 2) return std::nullopt;
    return std::max_element(votes.begin(), votes.end(),
                            [](auto const& a, auto const& b) { return a.second < b.second; })
        ->first;
}

}  // namespace reprise
