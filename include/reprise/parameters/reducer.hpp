/// @file The reducers that turn the rewards of the reruns into metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// `mean` and `std` are always sent; the others when `runner.reducers` asks for them.
enum class Reducer : std::uint8_t { mean, std, median, iqm, min, max, failure_rate };

/// As in `runner.reducers`, e.g. "iqm". The one table of names.
[[nodiscard]] std::vector<std::string> const& reducer_names();

[[nodiscard]] std::string const& name_of(Reducer reducer);

[[nodiscard]] std::optional<Reducer> reducer_named(std::string_view name);

/// The metric's name: "iqm_eprewmean"; "failure_rate" stands alone.
[[nodiscard]] std::string metric_name(Reducer reducer);

}  // namespace reprise
