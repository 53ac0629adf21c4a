#include "reprise/statistics/seed.hpp"

#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

constexpr std::uint32_t mask = 0x7fff'ffff;  // 31 bits

constexpr int learning_run_bits = 17;
constexpr int iteration_bits = 10;
constexpr int attempt_bits = 4;
static_assert(learning_run_bits + iteration_bits + attempt_bits == 31);

/// The output function of splitmix64 (Steele, Lea and Flood 2014; Vigna's splitmix64.c).
constexpr std::uint64_t splitmix64(std::uint64_t x) {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

/// A bijection of 31 bits for every key: adding, xor with a shifted self, and multiplying by an odd
/// number can each be undone modulo 2^31.
constexpr std::uint32_t permute(std::uint32_t x, std::uint64_t key) {
    for (int round = 0; round < 3; ++round) {
        key = splitmix64(key);
        x = (x + static_cast<std::uint32_t>(key)) & mask;
        x ^= x >> 16;
        x = (x * 0x7feb'352dU) & mask;
        x ^= x >> 15;
        x = (x * 0x846c'a68bU) & mask;
        x ^= x >> 16;
    }
    return x;
}

constexpr std::uint32_t low_bits(int value, int bits) {
    return static_cast<std::uint32_t>(value) & ((1U << bits) - 1);
}

}  // namespace

std::int64_t derive_seed(std::uint64_t base, int learning_run, int iteration, int attempt) {
    REPRISE_EXPECT(learning_run >= 0 && iteration >= 0 && attempt >= 0);
    std::uint64_t key = splitmix64(base);
    for (int const rest : {learning_run >> learning_run_bits, iteration >> iteration_bits,
                           attempt >> attempt_bits}) {
        key = splitmix64(key ^ static_cast<std::uint64_t>(rest));
    }
    std::uint32_t const place = low_bits(learning_run, learning_run_bits) |
                                low_bits(iteration, iteration_bits) << learning_run_bits |
                                low_bits(attempt, attempt_bits)
                                    << (learning_run_bits + iteration_bits);
    return permute(place, key);
}

}  // namespace reprise
