/// @file Seeds of trainings.
#pragma once

#include <cstdint>

namespace reprise {

/// Seeds are in [0, seed_end): what every generator in Python and C++ takes.
inline constexpr std::int64_t seed_end = std::int64_t{1} << 31;

/// The seed of one attempt: depends on its arguments only, so it can be told afterwards and on any
/// machine. `base` is the base seed or the job's id. Expects counters that are not negative.
///
/// No two attempts of one base share a seed while learning_run < 2^17, iteration < 2^10 and
/// attempt < 2^4; beyond that, and between bases, seeds are as good as random. How: these 31 bits
/// side by side go through a bijection of 31 bits (three rounds of add key, xor-shift, multiply by
/// an odd number), whose keys come from splitmix64 over the base and the bits that did not fit.
/// The results file promises these numbers: never change them.
[[nodiscard]] std::int64_t derive_seed(std::uint64_t base, int learning_run, int iteration,
                                       int attempt);

}  // namespace reprise
