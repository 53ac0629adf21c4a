#include "reprise/statistics/reducers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

std::vector<double> sorted(std::span<double const> values) {
    REPRISE_EXPECT(!values.empty());
    std::vector<double> result(values.begin(), values.end());
    for (double& value : result) {
        REPRISE_EXPECT(std::isfinite(value));
        value += 0.0;  // -0 becomes 0, or the order of the two would depend on the arrival
    }
    std::sort(result.begin(), result.end());
    return result;
}

/// Sum with the rounding errors added at the end (Neumaier 1974). long double has the range for
/// squares of any double, and bits to spare.
class Sum {
  public:
    void add(long double value) {
        long double const next = sum_ + value;
        if (std::abs(sum_) >= std::abs(value)) {
            error_ += (sum_ - next) + value;
        } else {
            error_ += (value - next) + sum_;
        }
        sum_ = next;
    }
    [[nodiscard]] long double value() const { return sum_ + error_; }

  private:
    long double sum_ = 0.0L;
    long double error_ = 0.0L;
};
static_assert(std::numeric_limits<long double>::max_exponent > 4096,
              "sums of squares of doubles need a long double with more range than double");

long double precise_mean(std::span<double const> sorted_values) {
    Sum sum;
    for (double const value : sorted_values) {
        sum.add(value);
    }
    return sum.value() / static_cast<long double>(sorted_values.size());
}

double mean_of_sorted(std::span<double const> sorted_values) {
    return std::clamp(static_cast<double>(precise_mean(sorted_values)), sorted_values.front(),
                      sorted_values.back());
}

struct Reducer {
    std::string_view name;
    double (*function)(std::span<double const>);
};

constexpr std::array reducers = {
    Reducer{"mean", mean},    Reducer{"std", population_std}, Reducer{"median", median},
    Reducer{"min", smallest}, Reducer{"max", largest},        Reducer{"iqm", interquartile_mean},
};

}  // namespace

double mean(std::span<double const> values) { return mean_of_sorted(sorted(values)); }

double population_std(std::span<double const> values) {
    std::vector<double> const ordered = sorted(values);
    long double const center = precise_mean(ordered);
    Sum squares;
    for (double const value : ordered) {
        squares.add((value - center) * (value - center));
    }
    return static_cast<double>(
        std::sqrt(squares.value() / static_cast<long double>(ordered.size())));
}

double median(std::span<double const> values) {
    std::vector<double> const ordered = sorted(values);
    std::size_t const half = ordered.size() / 2;
    return ordered.size() % 2 == 1 ? ordered[half]
                                   : std::midpoint(ordered[half - 1], ordered[half]);
}

double smallest(std::span<double const> values) { return sorted(values).front(); }

double largest(std::span<double const> values) { return sorted(values).back(); }

double interquartile_mean(std::span<double const> values) {
    std::vector<double> const ordered = sorted(values);
    std::size_t const trimmed = ordered.size() / 4;
    return mean_of_sorted(std::span(ordered).subspan(trimmed, ordered.size() - 2 * trimmed));
}

double failure_rate(std::size_t failed, std::size_t attempts) {
    REPRISE_EXPECT(attempts > 0 && failed <= attempts);
    return static_cast<double>(failed) / static_cast<double>(attempts);
}

std::vector<std::string_view> known_reducers() {
    std::vector<std::string_view> names;
    names.reserve(reducers.size());
    for (Reducer const& reducer : reducers) {
        names.push_back(reducer.name);
    }
    return names;
}

double reduce(std::string_view name, std::span<double const> values) {
    auto const* const reducer =
        std::find_if(reducers.begin(), reducers.end(),
                     [name](Reducer const& candidate) { return candidate.name == name; });
    REPRISE_EXPECT(reducer != reducers.end());
    return reducer->function(values);
}

std::string metric_name(std::string_view reducer) {
    std::string name(reducer);
    return reducer == failure_rate_name ? name : name + "_eprewmean";
}

}  // namespace reprise
