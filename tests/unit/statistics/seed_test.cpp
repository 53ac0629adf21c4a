#include "reprise/statistics/seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

// Computed by a second implementation, in Python, of the same steps.
TEST(SeedTest, TheNumbersArePinned) {
    EXPECT_EQ(derive_seed(0, 0, 0, 0), 570'156'768);
    EXPECT_EQ(derive_seed(0, 1, 0, 0), 778'915'263);
    EXPECT_EQ(derive_seed(0, 0, 1, 0), 1'744'591'658);
    EXPECT_EQ(derive_seed(0, 0, 0, 1), 2'052'440'363);
    EXPECT_EQ(derive_seed(1, 0, 0, 0), 1'178'631'674);
    EXPECT_EQ(derive_seed(42, 2, 1, 3), 2'022'053'756);
    EXPECT_EQ(derive_seed(42, 200'000, 2'000, 20), 6'848'776);
    EXPECT_EQ(
        derive_seed(std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<int>::max(),
                    std::numeric_limits<int>::max(), std::numeric_limits<int>::max()),
        76'191'633);
}

TEST(SeedTest, NoTwoAttemptsOfASampleShareASeed) {
    std::unordered_set<std::int64_t> seen;
    std::size_t count = 0;
    auto const add = [&](int run, int iteration, int attempt) {
        std::int64_t const seed = derive_seed(7, run, iteration, attempt);
        EXPECT_TRUE(seed >= 0 && seed < seed_end) << seed;
        seen.insert(seed);
        ++count;
    };
    for (int run = 0; run < 100; ++run) {
        for (int iteration = 0; iteration < 100; ++iteration) {
            for (int attempt = 0; attempt < 16; ++attempt) {
                add(run, iteration, attempt);
            }
        }
    }
    for (int run = 100; run < (1 << 17); ++run) {  // an evaluation of many seeds
        add(run, 0, 0);
    }
    add((1 << 17) - 1, (1 << 10) - 1, (1 << 4) - 1);
    EXPECT_EQ(seen.size(), count);
}

TEST(SeedTest, JobsShareNoMoreSeedsThanChanceAllows) {
    std::unordered_set<std::int64_t> seen;
    int count = 0;
    for (std::uint64_t job = 0; job < 3'000; ++job) {
        for (int run = 0; run < 10; ++run) {
            seen.insert(derive_seed(job, run, 0, 0));
            ++count;
        }
    }
    // 30,000 of 2^31: 0.2 pairs are expected.
    EXPECT_GE(static_cast<int>(seen.size()), count - 3);
}

TEST(SeedTest, BeyondTheGuaranteedRangesSeedsStillDiffer) {
    EXPECT_NE(derive_seed(7, 1 << 17, 0, 0), derive_seed(7, 0, 0, 0));
    EXPECT_NE(derive_seed(7, 0, 1 << 10, 0), derive_seed(7, 0, 0, 0));
    EXPECT_NE(derive_seed(7, 0, 0, 1 << 4), derive_seed(7, 0, 0, 0));
}

/// Chi-square over 256 bins of the 8 bits from `shift`; 255 degrees of freedom, sd 22.6.
double chi_square(int shift) {
    std::array<int, 256> bins{};
    constexpr int samples = 65'536;
    for (int i = 0; i < samples; ++i) {
        std::int64_t const seed = derive_seed(static_cast<std::uint64_t>(i / 64), i % 64, 0, 0);
        ++bins[static_cast<std::size_t>(seed >> shift) & 0xff];
    }
    double sum = 0.0;
    for (int const bin : bins) {
        sum += (bin - 256.0) * (bin - 256.0) / 256.0;
    }
    return sum;
}

TEST(SeedTest, EveryByteIsUniform) {
    for (int const shift : {0, 8, 16, 23}) {
        EXPECT_NEAR(chi_square(shift), 255.0, 5 * 22.6) << "bits from " << shift;
    }
}

TEST(SeedTest, NeighboursDifferInHalfOfTheirBits) {
    double bits = 0.0;
    constexpr int samples = 4'000;
    for (int i = 0; i < samples; ++i) {
        auto const base = static_cast<std::uint64_t>(i);
        auto const changed = [&](std::int64_t other) {
            bits += std::popcount(static_cast<std::uint64_t>(other ^ derive_seed(base, i, 0, 0)));
        };
        changed(derive_seed(base + 1, i, 0, 0));
        changed(derive_seed(base, i + 1, 0, 0));
        changed(derive_seed(base, i, 1, 0));
        changed(derive_seed(base, i, 0, 1));
    }
    EXPECT_NEAR(bits / (4 * samples), 15.5, 0.2);
}

TEST(SeedTest, ANegativeCounterIsABug) {
    EXPECT_THROW((void)derive_seed(0, -1, 0, 0), ContractViolation);
    EXPECT_THROW((void)derive_seed(0, 0, -1, 0), ContractViolation);
    EXPECT_THROW((void)derive_seed(0, 0, 0, -1), ContractViolation);
}

}  // namespace
}  // namespace reprise
