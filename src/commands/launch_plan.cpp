#include "reprise/commands/launch_plan.hpp"

#include <mpi.h>

#include <algorithm>
#include <string_view>

#include "reprise/commands/host_survey.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/system/last_will.hpp"

namespace reprise {
namespace {

void add(std::vector<std::string>& words, std::vector<std::string> const& more) {
    words.insert(words.end(), more.begin(), more.end());
}

#if defined(OMPI_MAJOR_VERSION) && OMPI_MAJOR_VERSION >= 5
/// Open MPI 5: PRRTE starts the ranks.
void add_open_mpi_settings(std::vector<std::string>& environment, std::string const& scratch) {
    add(environment, {"PRTE_MCA_plm=ssh", "PRTE_MCA_ras=^slurm",
                      "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
                      "PRTE_MCA_hwloc_default_binding_policy=none",
                      "PRTE_MCA_prte_tmpdir_base=" + scratch, "OMPI_MCA_btl=self,sm",
                      "OMPI_MCA_pml=ob1", "OMPI_MCA_btl_sm_backing_directory=" + scratch});
}
#else
/// Open MPI 4: one host, so the resource manager is not asked (inside a Slurm step mpirun would
/// wait for ever for a step of its own), and looking for networks is left out, which halves the
/// time of a cold start.
void add_open_mpi_settings(std::vector<std::string>& environment, std::string const& scratch) {
    add(environment,
        {"OMPI_MCA_plm=isolated", "OMPI_MCA_ras=^slurm", "OMPI_MCA_rmaps_base_oversubscribe=1",
         "OMPI_MCA_hwloc_base_binding_policy=none", "OMPI_MCA_orte_tmpdir_base=" + scratch,
         "OMPI_MCA_btl=self,vader", "OMPI_MCA_pml=ob1",
         "OMPI_MCA_btl_vader_backing_directory=" + scratch,
         // Ranks sleep between messages; without this they would not when there are few cores.
         "OMPI_MCA_mpi_yield_when_idle=1"});
}
#endif

/// Without what an outer MPI launcher has set: mpirun refuses to run inside another one. The user's
/// own OMPI_MCA_ settings stay, as far as they can be told apart.
std::vector<std::string> outside_of_mpi(std::vector<std::string> environment) {
    auto const begins = [](std::string const& variable, std::string_view name) {
        return std::string_view(variable).substr(0, name.size()) == name;
    };
    bool const inside = std::any_of(environment.begin(), environment.end(), [&](auto const& v) {
        return begins(v, "OMPI_COMM_WORLD_SIZE=");
    });
    std::erase_if(environment, [&](std::string const& variable) {
        if (begins(variable, "SLURM_")) return false;
        if (begins(variable, "OMPI_MCA_") || begins(variable, "PRTE_MCA_")) return inside;
        return is_launcher_variable(variable.substr(0, variable.find('=')));
    });
    return environment;
}

}  // namespace

LaunchPlan plan_launch(LaunchRequest const& request) {
    LaunchPlan plan;
    plan.environment = outside_of_mpi(request.environment);
    auto const mark = std::string(job_mark_name) + "=";
    std::erase_if(plan.environment, [&](auto const& v) { return v.starts_with(mark); });
    plan.environment.push_back(mark + request.channel);
    if (!request.container.empty()) plan.environment.push_back(request.container);
    if (!request.walltime.empty()) plan.environment.push_back(request.walltime);
    if (request.use_mpirun) {
        plan.argv = {"mpirun", "-n", std::to_string(request.ranks)};
        add_open_mpi_settings(plan.environment, request.scratch);
        if (request.root) {
            add(plan.environment, {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"});
        }
        add(plan.argv, request.mpirun_args);
        if (!request.cpus.empty()) {
            add(plan.environment, {launcher_cpus_variable + ("=" + request.cpus)});
        }
    }
    add(plan.argv, {request.program, "rank", "--channel=" + request.channel,
                    "--log-level=" + request.log_level});
    if (!request.use_mpirun) plan.argv.emplace_back("--solo");
    if (request.exit_for_restart) plan.argv.emplace_back("--exit-for-restart");
    add(plan.argv, request.job_arguments);
    return plan;
}

}  // namespace reprise
