#include "reprise/commands/job_time.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/protocol/slurm_job.hpp"
#include "reprise/system/program_output.hpp"

namespace reprise {
namespace {

constexpr char walltime_variable[] = "REPRISE_INTERNAL_WALLTIME";

/// Empty when it is not there.
std::string value_of(std::vector<std::string> const& environment, std::string const& name) {
    auto const begin = name + "=";
    for (auto const& variable : environment) {
        if (variable.starts_with(begin)) return variable.substr(begin.size());
    }
    return {};
}

std::optional<double> number_in(std::string_view text) {
    double value = 0.0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// SLURM_JOB_ID is the job's own number, also in a job array and in every part of a heterogeneous
/// job (sbatch(1), "OUTPUT ENVIRONMENT VARIABLES").
std::optional<SlurmJob> ask_slurm(std::vector<std::string> environment, Duration limit) {
    auto const id = value_of(environment, "SLURM_JOB_ID");
    if (id.empty()) return std::nullopt;
    std::erase_if(environment, [](std::string const& variable) {
        return variable.starts_with("TZ=") || variable.starts_with("SLURM_TIME_FORMAT=");
    });
    environment.emplace_back("TZ=UTC");
    environment.emplace_back("SLURM_TIME_FORMAT=standard");
    auto const answer =
        output_of({"scontrol", "show", "job", "--oneliner", id}, environment, limit);
    return answer ? parse_slurm_job(*answer, id) : std::nullopt;
}

std::optional<double> end_by_slurm(std::vector<std::string> const& environment) {
    if (auto const given = value_of(environment, "SLURM_JOB_END_TIME"); !given.empty()) {
        return number_in(given);
    }
    auto const job = ask_slurm(environment, patience_at_start);
    return job ? job->end_s : std::nullopt;
}

}  // namespace

std::optional<Walltime> find_walltime(RunnerOptions const& runner,
                                      std::vector<std::string> const& environment, double begin_s) {
    auto end = end_by_slurm(environment);
    if (runner.time_limit_s) {
        double const own = begin_s + *runner.time_limit_s;
        end = std::min(end.value_or(own), own);
    }
    if (!end) return std::nullopt;
    double const margin =
        runner.stop_margin_s.value_or(default_stop_margin_s(runner.stop_grace_s, *end - begin_s));
    return Walltime{begin_s, *end, margin};
}

JobFate ask_for_fate(std::vector<std::string> const& environment, Duration limit) {
    auto const job = ask_slurm(environment, limit);
    if (!job) return JobFate::unknown;
    auto const restarts = number_in(value_of(environment, "SLURM_RESTART_COUNT"));
    return fate_of(*job, static_cast<int>(restarts.value_or(0.0)));
}

std::optional<Duration> time_to_notice_lost_node(std::vector<std::string> const& environment) {
    auto const job = ask_slurm(environment, patience_at_start);
    if (!job || !job->requeues) return std::nullopt;
    auto const answer = output_of({"scontrol", "show", "config"}, environment, patience_at_start);
    auto const timeout = parse_slurmd_timeout(answer.value_or(""));
    if (timeout.value_or(0) <= 0) return std::nullopt;
    // Beyond the timeout itself it takes the controller some rounds of asking.
    return std::chrono::seconds(*timeout + 60);
}

std::string pass_on(Walltime const& walltime) {
    char text[96];
    std::snprintf(text, sizeof text, "%s=%.6f %.6f %.6f", walltime_variable, walltime.begin_s,
                  walltime.end_s, walltime.margin_s);
    return text;
}

std::optional<Walltime> passed_on_walltime(std::vector<std::string> const& environment) {
    std::string_view text;
    auto const value = value_of(environment, walltime_variable);
    if (value.empty()) return std::nullopt;
    text = value;
    double numbers[3] = {};
    for (auto& number : numbers) {
        auto const space = std::min(text.find(' '), text.size());
        auto const read = number_in(text.substr(0, space));
        if (!read) throw ContractViolation("the launcher sent a walltime that cannot be read");
        number = *read;
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return Walltime{numbers[0], numbers[1], numbers[2]};
}

std::string describe(Walltime const& walltime, double now_s) {
    return shown_seconds(std::max(0.0, walltime.end_s - now_s)) + ", trainings are stopped " +
           shown_seconds(walltime.margin_s) + " before";
}

}  // namespace reprise
