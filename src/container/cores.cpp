#include "reprise/container/cores.hpp"

#include <hwloc.h>

#include <algorithm>
#include <set>

#include "reprise/container/htcondor.hpp"
#include "variables.hpp"

namespace reprise {
namespace {

class Topology {
  public:
    Topology() {
        if (hwloc_topology_init(&topology_) != 0) return;
        // Only what is asked for below: looking for caches and devices takes most of the time.
        hwloc_topology_set_all_types_filter(topology_, HWLOC_TYPE_FILTER_KEEP_NONE);
        hwloc_topology_set_type_filter(topology_, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
        loaded_ = hwloc_topology_load(topology_) == 0;
    }
    Topology(Topology const&) = delete;
    Topology& operator=(Topology const&) = delete;
    Topology(Topology&&) = delete;
    Topology& operator=(Topology&&) = delete;
    ~Topology() {
        if (topology_ != nullptr) hwloc_topology_destroy(topology_);
    }

    /// Null when nothing is known.
    [[nodiscard]] hwloc_topology_t get() const { return loaded_ ? topology_ : nullptr; }

  private:
    hwloc_topology_t topology_ = nullptr;
    bool loaded_ = false;
};

/// A name that every process on the host has for the core, however little of it each may use.
int name_of_core(hwloc_topology_t topology, hwloc_obj_t cpu) {
    auto const* const core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, cpu);
    int const first = core == nullptr ? -1 : hwloc_bitmap_first(core->complete_cpuset);
    return first < 0 ? static_cast<int>(cpu->os_index) : first;
}

}  // namespace

std::vector<Cpu> arrange_cpus(hwloc_topology_t topology, std::vector<int> const& numbers) {
    std::set<int> missing(numbers.begin(), numbers.end());
    std::vector<Cpu> cpus;
    hwloc_obj_t cpu = nullptr;
    while (topology != nullptr &&
           (cpu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, cpu)) != nullptr) {
        int const number = static_cast<int>(cpu->os_index);
        if (missing.erase(number) == 0) continue;
        int const node = cpu->nodeset == nullptr ? 0 : hwloc_bitmap_first(cpu->nodeset);
        cpus.push_back({number, name_of_core(topology, cpu), std::max(0, node)});
    }
    for (int const number : missing) cpus.push_back({number, number, 0});
    return cpus;
}

std::vector<Cpu> arrange_cpus_of_host(std::vector<int> const& numbers) {
    Topology const topology;
    return arrange_cpus(topology.get(), numbers);
}

double cpu_limit_of(std::vector<std::string> const& environment, int cpus,
                    std::optional<double> quota) {
    double limit = quota.value_or(cpus);
    if (auto const given = htcondor_cpus(environment)) {
        limit = std::min(limit, static_cast<double>(*given));
    }
    // sbatch(1): the number of CPUs on the allocated node.
    if (auto const given = find_variable(environment, "SLURM_CPUS_ON_NODE")) {
        auto const number = whole_number(*given);
        if (number.value_or(0) > 0) limit = std::min(limit, static_cast<double>(*number));
    }
    return limit < cpus ? limit : 0.0;
}

std::optional<std::string> notice_of_narrow_step(std::vector<std::string> const& environment,
                                                 int cpus, int host_cpus) {
    // srun(1): the CPUs per task of the job stand in the environment of its steps, but a step does
    // not ask for them unless SRUN_CPUS_PER_TASK or --cpus-per-task is given.
    auto const step = find_variable(environment, "SLURM_STEP_ID");
    auto const given = whole_number(find_variable(environment, "SLURM_CPUS_PER_TASK").value_or(""));
    // Some sites, and tests, give out more CPUs than there are.
    if (!step || !given || cpus >= std::min(*given, host_cpus)) return std::nullopt;
    return "this step of Slurm may use " + std::to_string(cpus) + " of the " +
           std::to_string(*given) +
           " CPUs of its task: srun does not take --cpus-per-task over from the job. Set "
           "SRUN_CPUS_PER_TASK before srun; for cluster_utils: \"environment_setup\": "
           "{\"variables\": {\"SRUN_CPUS_PER_TASK\": \"$SLURM_CPUS_PER_TASK\"}}";
}

}  // namespace reprise
