#include "reprise/commands/launch_plan.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "reprise/commands/host_survey.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/system/last_will.hpp"

namespace reprise {
namespace {

void add(std::vector<std::string>& words, std::vector<std::string> const& more) {
    words.insert(words.end(), more.begin(), more.end());
}

/// The number that the variable is set to, or nothing.
std::optional<int> number_in(std::vector<std::string> const& environment, std::string_view name) {
    for (std::string_view const variable : environment) {
        auto const equals = variable.find('=');
        if (variable.substr(0, equals) != name || equals == std::string_view::npos) continue;
        auto const text = variable.substr(equals + 1);
        int value = 0;
        auto const end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
        return end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                 : std::nullopt;
    }
    return std::nullopt;
}

bool has(std::vector<std::string> const& environment, std::string const& name) {
    return std::any_of(environment.begin(), environment.end(),
                       [&](auto const& variable) { return variable.starts_with(name + "="); });
}

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

/// Simple PMI's connection (MPICH, Intel MPI, srun --mpi=pmi2): an open descriptor.
std::optional<int> pmi_descriptor(std::vector<std::string> const& environment) {
    auto const fd = number_in(environment, "PMI_FD");
    return fd.value_or(0) > 2 ? fd : std::nullopt;
}

void plan_in_step(LaunchPlan& plan, LaunchRequest const& request) {
    auto const& step = *request.outer;
    add(plan.environment, settings_in_step(request.mpi, step.one_host, request.scratch));
    auto const pmi = pmi_descriptor(request.environment);
    if (pmi) plan.fds.emplace_back(*pmi, *pmi);
    plan.keep_fd = pmi.value_or(2) + 1;
    if (!request.hub.empty()) {
        plan.environment.push_back(std::string(task_hub_variable) + "=" + request.hub);
    }
}

void add_step_options(std::vector<std::string>& argv, LaunchPlan const& plan,
                      LaunchRequest const& request) {
    auto const& step = *request.outer;
    add(argv,
        {"--starter=" + step.starter, "--task=" + std::to_string(step.task),
         "--tasks=" + std::to_string(step.tasks), "--keep-fd=" + std::to_string(plan.keep_fd)});
    if (request.refuse) argv.emplace_back("--refuse");
}

}  // namespace

int nodes_to_use(std::vector<std::string> const& environment, MpiFamily mpi) {
    if (!starter_of(mpi).several_nodes) return 1;
    // Inside a step mpirun would wait for ever for a step of its own; and from outside of the
    // nodes, such as the login node, rank 0 could not be started beside its launcher.
    if (has(environment, "SLURM_STEP_ID") || !has(environment, "SLURMD_NODENAME")) return 1;
    return std::max(1, number_in(environment, "SLURM_JOB_NUM_NODES").value_or(1));
}

std::optional<std::string> notice_of_unused_nodes(std::vector<std::string> const& environment,
                                                  MpiFamily mpi) {
    auto const nodes = number_in(environment, "SLURM_JOB_NUM_NODES").value_or(1);
    if (nodes <= nodes_to_use(environment, mpi)) return std::nullopt;
    auto const all = std::to_string(nodes);
    auto const& starter = starter_of(mpi);
    if (!starter.several_nodes) {
        return "the job has " + all + " nodes and all ranks run on this one, because " +
               starter.program + " (" + starter.library +
               ") is used on one only. Start the job by srun --mpi=" + starter.srun_type +
               " --ntasks=K.";
    }
    if (has(environment, "SLURM_STEP_ID")) {
        return "the job has " + all +
               " nodes and all ranks run on this one, because srun has started one task. Give srun "
               "--mpi=pmix --ntasks=K, or start the job in the batch script without srun.";
    }
    return "the job has " + all +
           " nodes and all ranks run on this host, which is none of them. Start the job by srun "
           "--mpi=pmix --ntasks=K, or in a batch script.";
}

LaunchPlan plan_launch(LaunchRequest const& request) {
    LaunchPlan plan;
    plan.environment = request.outer ? request.environment : outside_of_mpi(request.environment);
    auto const mark = std::string(job_mark_name) + "=";
    std::erase_if(plan.environment, [&](auto const& v) { return v.starts_with(mark); });
    plan.environment.push_back(mark + request.channel);
    if (!request.container.empty()) plan.environment.push_back(request.container);
    if (!request.walltime.empty()) plan.environment.push_back(request.walltime);
    if (request.outer) plan_in_step(plan, request);
    if (request.use_mpirun) {
        plan.argv = {starter_of(request.mpi).program, "-n", std::to_string(request.ranks)};
        add(plan.environment, request.nodes > 1
                                  ? settings_between_nodes(request.mpi, request.scratch)
                                  : settings_on_one_host(request.mpi, request.scratch));
        if (request.root && request.mpi != MpiFamily::hydra) {
            add(plan.environment, {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"});
        }
        add(plan.argv, request.mpirun_args);
        if (!request.cpus.empty()) {
            add(plan.environment, {launcher_cpus_variable + ("=" + request.cpus)});
        }
    }
    add(plan.argv, {request.program, "rank", "--channel=" + request.channel,
                    "--log-level=" + request.log_level});
    if (request.outer) {
        add_step_options(plan.argv, plan, request);
    } else if (!request.use_mpirun) {
        plan.argv.emplace_back("--solo");
    }
    if (request.exit_for_restart) plan.argv.emplace_back("--exit-for-restart");
    add(plan.argv, request.job_arguments);
    return plan;
}

}  // namespace reprise
