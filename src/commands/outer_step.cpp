#include "reprise/commands/outer_step.hpp"

#include <charconv>
#include <map>
#include <string_view>

namespace reprise {
namespace {

class Variables {
  public:
    explicit Variables(std::vector<std::string> const& environment) {
        for (std::string_view const variable : environment) {
            auto const equals = variable.find('=');
            if (equals == std::string_view::npos) continue;
            // The first entry counts, as for getenv(3).
            values_.emplace(variable.substr(0, equals), variable.substr(equals + 1));
        }
    }

    [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
    /// Nothing when it is not set or no number from 0 on.
    [[nodiscard]] std::optional<int> number(std::string_view name) const {
        auto const found = values_.find(name);
        if (found == values_.end()) return std::nullopt;
        auto const text = found->second;
        int value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        bool const whole = error == std::errc() && end == text.data() + text.size();
        return whole && value >= 0 ? std::optional(value) : std::nullopt;
    }
    /// The ports at the end of every URI in PMIX_SERVER_URI, PMIX_SERVER_URI2, …, which look like
    /// "pmix-server.77;tcp4://127.0.0.1:41233": "41233 41233".
    [[nodiscard]] std::string server_ports() const {
        std::string ports;
        for (auto const& [name, value] : values_) {
            if (!name.starts_with("PMIX_SERVER_URI")) continue;
            auto const port = value.substr(value.find_last_of(':') + 1);
            if (port.find_first_not_of("0123456789") != std::string_view::npos) continue;
            ports += (ports.empty() ? "" : " ") + std::string(port);
        }
        return ports;
    }

  private:
    std::map<std::string_view, std::string_view> values_;
};

}  // namespace

std::optional<OuterStep> find_outer_step(std::vector<std::string> const& environment) {
    Variables const variables(environment);
    OuterStep step;
    step.mpi_server = variables.server_ports();
    auto const pmix_rank = variables.number("PMIX_RANK");
    auto const of_mpirun = [&](int size, char const* rank_name,
                               char const* local_size_name) -> std::optional<OuterStep> {
        auto const rank = variables.number(rank_name);
        if (size < 2 || !rank) return std::nullopt;
        step.starter = "mpirun";
        step.task = *rank;
        step.tasks = size;
        step.one_host = variables.number(local_size_name) == size;
        return step;
    };
    // An mpirun stands nearer to us than a step of Slurm's: it may have been started in one.
    if (auto const size = variables.number("OMPI_COMM_WORLD_SIZE")) {
        return of_mpirun(*size, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE");
    }
    if (auto const tasks = variables.number("SLURM_STEP_NUM_TASKS")) {
        auto const number = variables.number("SLURM_PROCID");
        if (*tasks < 2 || !number) return std::nullopt;
        step.starter = "srun";
        step.task = pmix_rank.value_or(variables.number("PMI_RANK").value_or(*number));
        step.tasks = *tasks;
        step.connected = pmix_rank.has_value() || variables.has("PMI_RANK");
        step.one_host = variables.number("SLURM_STEP_NUM_NODES") == 1;
        step.by_slurm = true;
        return step;
    }
    if (auto const size = variables.number("PMI_SIZE")) {  // mpiexec of MPICH and Intel MPI
        return of_mpirun(*size, "PMI_RANK", "MPI_LOCALNRANKS");
    }
    return std::nullopt;
}

std::string describe(OuterStep const& step) {
    return step.starter + " has started " + std::to_string(step.tasks) +
           " tasks of this job, which are its ranks";
}

}  // namespace reprise
