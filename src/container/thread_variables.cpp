#include "reprise/container/thread_variables.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "reprise/container/htcondor.hpp"
#include "reprise/core/contract.hpp"
#include "variables.hpp"

namespace reprise {
namespace {

/// Set for every run.
constexpr std::array<std::string_view, 7> always_set{
    "OMP_NUM_THREADS",     "MKL_NUM_THREADS",   "OPENBLAS_NUM_THREADS",   "GOTO_NUM_THREADS",
    "NUMEXPR_NUM_THREADS", "TORCH_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
};

/// A limit, not a wish: it may stay where HTCondor has put it.
constexpr std::string_view thread_limit = "OMP_THREAD_LIMIT";

class Setter {
  public:
    Setter(std::vector<std::string> const& environment, int allocation_cpus)
        : environment_(environment) {
        if (is_htcondor_job(environment)) {
            batch_value_ = htcondor_cpus(environment).value_or(allocation_cpus);
        }
    }

    /// The batch system has set it, not the user.
    [[nodiscard]] bool is_batch_systems(std::string_view name) const {
        auto const& names = htcondor_thread_variables;
        if (!batch_value_ || std::find(names.begin(), names.end(), name) == names.end()) {
            return false;
        }
        auto const value = find_variable(environment_, name);
        return value && whole_number(*value) == batch_value_;
    }

    /// What the user has set it to.
    [[nodiscard]] std::optional<std::string> users(std::string_view name) const {
        for (auto const* const prefix : {"APPTAINERENV_", "SINGULARITYENV_", ""}) {
            if (*prefix == '\0' && is_batch_systems(name)) continue;
            auto value = find_variable(environment_, prefix + std::string(name));
            if (value && !value->empty()) return value;
        }
        return std::nullopt;
    }

  private:
    std::vector<std::string> const& environment_;
    std::optional<int> batch_value_;  ///< inside HTCondor
};

}  // namespace

std::vector<std::string> thread_variables(std::vector<std::string> const& environment, int threads,
                                          int allocation_cpus) {
    REPRISE_EXPECT(threads >= 1);
    Setter const setter(environment, allocation_cpus);
    auto const decision = setter.users("OMP_NUM_THREADS");
    // "4,2" are the numbers of nested regions.
    auto const value =
        decision ? decision->substr(0, decision->find(',')) : std::to_string(threads);
    std::vector<std::string> variables;
    auto const set = [&](std::string_view name) {
        variables.push_back(std::string(name) + "=" + value);
    };
    for (auto const name : always_set) {
        if (setter.users(name)) continue;
        // What is not set falls back on OMP_NUM_THREADS.
        if (!decision || setter.is_batch_systems(name)) set(name);
    }
    for (auto const name : htcondor_thread_variables) {
        bool const done = std::find(always_set.begin(), always_set.end(), name) != always_set.end();
        if (!done && name != thread_limit && setter.is_batch_systems(name)) set(name);
    }
    return variables;
}

}  // namespace reprise
