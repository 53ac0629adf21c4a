#include "reprise/commands/host_survey.hpp"

#include <unistd.h>

#include <string_view>
#include <utility>

#include "reprise/container/cores.hpp"
#include "reprise/container/gpus.hpp"
#include "reprise/system/host.hpp"

namespace reprise {

std::string launcher_cpus() { return format_cpu_list(usable_cpus()) + "@" + host_name(); }

std::vector<int> cpus_of_launcher(std::vector<std::string> const& environment,
                                  std::string const& host) {
    auto const begin = std::string(launcher_cpus_variable) + "=";
    for (auto const& variable : environment) {
        if (!variable.starts_with(begin)) continue;
        auto const value = variable.substr(begin.size());
        auto const at = value.find('@');
        if (at == std::string::npos || value.substr(at + 1) != host) return {};
        return parse_cpu_list(value.substr(0, at)).value_or(std::vector<int>());
    }
    return {};
}

std::optional<std::string> notice_of_few_cpus(std::vector<std::string> const& environment) {
    return notice_of_narrow_step(environment, static_cast<int>(usable_cpus().size()),
                                 static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

HostFacts survey_host(std::vector<std::string> const& environment) {
    HostFacts facts;
    facts.host = host_name();
    auto numbers = cpus_of_launcher(environment, facts.host);
    if (numbers.empty()) numbers = usable_cpus();
    facts.cpus = arrange_cpus_of_host(numbers);
    facts.cpu_limit = cpu_limit_of(environment, static_cast<int>(numbers.size()), cpu_quota());
    auto gpus = find_gpus(environment);
    facts.gpus = std::move(gpus.devices);
    facts.gpu_source = std::move(gpus.source);
    facts.gpus_are_assigned = gpus.assigned;
    return facts;
}

}  // namespace reprise
