/// @file From the rewards of several runs to one number.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

// All of these expect at least one value and finite values only. They return the same digits
// whatever the order of the values (they sort first, and sum with compensation in long double),
// and never overflow: a result lies between the smallest and the largest value (std: between 0 and
// their distance).

/// Arithmetic mean.
[[nodiscard]] double mean(std::span<double const> values);
/// Population standard deviation: divides by n, as numpy.std does (0 for one value).
[[nodiscard]] double population_std(std::span<double const> values);
/// Middle value, or mean of the two middle ones.
[[nodiscard]] double median(std::span<double const> values);
[[nodiscard]] double smallest(std::span<double const> values);
[[nodiscard]] double largest(std::span<double const> values);
/// Interquartile mean: the mean of what is left when floor(n / 4) values are dropped at each end.
/// With fewer than four values nothing is dropped and it is the mean. The definition of
/// rliable.metrics.aggregate_iqm (Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of
/// the Statistical Precipice"), which is scipy.stats.trim_mean(values, 0.25).
[[nodiscard]] double interquartile_mean(std::span<double const> values);

/// Share of failed attempts, in [0, 1]. Expects failed <= attempts and attempts > 0. Attempts that
/// were interrupted belong to neither number.
[[nodiscard]] double failure_rate(std::size_t failed, std::size_t attempts);

/// What `runner.reducers` calls failure_rate. It is computed from counts, not from rewards, so
/// reduce() does not know it.
inline constexpr std::string_view failure_rate_name = "failure_rate";

/// The names that reduce() knows: mean, std, median, min, max, iqm.
[[nodiscard]] std::vector<std::string_view> known_reducers();

/// The reducer of that name over the values. Expects a known name.
[[nodiscard]] double reduce(std::string_view name, std::span<double const> values);

/// The metric under which cluster_utils gets it: "<reducer>_eprewmean"; failure_rate stays.
[[nodiscard]] std::string metric_name(std::string_view reducer);

}  // namespace reprise
