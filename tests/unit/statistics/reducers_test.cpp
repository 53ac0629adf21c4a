#include "reprise/statistics/reducers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

using Values = std::vector<double>;

constexpr double largest_double = std::numeric_limits<double>::max();

TEST(ReducersTest, HandComputedValues) {
    Values const values = {4.0, 1.0, 3.0, 2.0};
    EXPECT_EQ(mean(values), 2.5);
    EXPECT_EQ(population_std(values), std::sqrt(1.25));
    EXPECT_EQ(median(values), 2.5);
    EXPECT_EQ(smallest(values), 1.0);
    EXPECT_EQ(largest(values), 4.0);
    EXPECT_EQ(interquartile_mean(values), 2.5);  // of 2 and 3
    EXPECT_EQ(median(Values{5.0, 1.0, 9.0}), 5.0);
}

// Exact results by Python's fractions; NumPy 1.26.4 and SciPy 1.17.1 agree within their rounding.
TEST(ReducersTest, ExactResultsRoundedOnce) {
    Values const rewards = {-0.2713, 0.15, -1.25, 3.5, 0.0};
    EXPECT_EQ(mean(rewards), 0.42574);
    EXPECT_EQ(population_std(rewards), 1.6125961026865965);
    EXPECT_EQ(interquartile_mean(rewards), -0.04043333333333333);

    EXPECT_EQ(mean(Values(10, 0.1)), 0.1);
    EXPECT_EQ(population_std(Values{1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 4}), 1.118033988749895);

    Values const eleven = {3.25, -7.5, 0.125, 9.0, 11.75, -2.0, 4.5, 6.0, 1e3, -1e3, 0.3};
    EXPECT_EQ(mean(eleven), 2.3113636363636365);
    EXPECT_EQ(population_std(eleven), 426.43207539734385);
    EXPECT_EQ(median(eleven), 3.25);
    EXPECT_EQ(interquartile_mean(eleven), 3.025);  // two dropped at each end

    Values const tiny = {1e-300, 2e-300, -5e-300};  // their squares are no doubles
    EXPECT_EQ(mean(tiny), -6.666666666666666e-301);
    EXPECT_EQ(population_std(tiny), 3.0912061651652345e-300);
}

TEST(ReducersTest, ASmallValueBetweenLargeOnesIsNotLost) {
    EXPECT_EQ(mean(Values{1e300, 1.0, -1e300}), 1.0 / 3);
}

TEST(ReducersTest, TheInterquartileMeanDropsAQuarterRoundedDownAtEachEnd) {
    EXPECT_EQ(interquartile_mean(Values{0, 0, 9}), 3.0);
    EXPECT_EQ(interquartile_mean(Values{0, 0, 6, 9}), 3.0);
    EXPECT_EQ(interquartile_mean(Values{0, 0, 3, 6, 9}), 3.0);
    EXPECT_EQ(interquartile_mean(Values{0, 1, 2, 3, 4, 5, 900}), 3.0);
    EXPECT_EQ(interquartile_mean(Values{-900, -900, 1, 2, 3, 4, 900, 900}), 2.5);
}

TEST(ReducersTest, OneValueIsItsOwnSummary) {
    for (std::string_view const name : known_reducers()) {
        EXPECT_EQ(reduce(name, Values{-1.5}), name == "std" ? 0.0 : -1.5) << name;
    }
}

TEST(ReducersTest, NothingOverflows) {
    Values const huge = {largest_double, largest_double, largest_double};
    Values const apart = {-largest_double, largest_double};
    EXPECT_EQ(mean(huge), largest_double);
    EXPECT_EQ(median(Values{largest_double, largest_double}), largest_double);
    EXPECT_EQ(interquartile_mean(huge), largest_double);
    EXPECT_EQ(population_std(huge), 0.0);
    EXPECT_EQ(mean(apart), 0.0);
    EXPECT_EQ(population_std(apart), largest_double);
}

TEST(ReducersTest, AZeroHasNoSign) {
    EXPECT_FALSE(std::signbit(smallest(Values{-0.0, 0.0})));
    EXPECT_FALSE(std::signbit(largest(Values{0.0, -0.0})));
    EXPECT_FALSE(std::signbit(mean(Values{-0.0})));
}

TEST(ReducersTest, NoValuesOrValuesThatAreNoNumbersAreABug) {
    for (std::string_view const name : known_reducers()) {
        EXPECT_THROW((void)reduce(name, Values{}), ContractViolation) << name;
        for (double const bad :
             {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
            EXPECT_THROW((void)reduce(name, Values{1.0, bad}), ContractViolation) << name;
        }
    }
    EXPECT_THROW((void)reduce("mode", Values{1.0}), ContractViolation);
}

TEST(ReducersTest, NamesAndMetrics) {
    EXPECT_EQ(known_reducers(),
              (std::vector<std::string_view>{"mean", "std", "median", "min", "max", "iqm"}));
    EXPECT_EQ(reduce("iqm", Values{0, 0, 6, 9}), 3.0);
    EXPECT_EQ(metric_name("iqm"), "iqm_eprewmean");
    EXPECT_EQ(metric_name(failure_rate_name), "failure_rate");
}

TEST(ReducersTest, FailureRateIsAShareOfAttempts) {
    EXPECT_EQ(failure_rate(0, 3), 0.0);
    EXPECT_EQ(failure_rate(1, 4), 0.25);
    EXPECT_EQ(failure_rate(2, 2), 1.0);
    EXPECT_THROW((void)failure_rate(0, 0), ContractViolation);
    EXPECT_THROW((void)failure_rate(3, 2), ContractViolation);
}

/// Finite doubles of every size, also with the same value several times.
Values arbitrary_values() {
    auto const any = *rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<double>>());
    auto const scale = *rc::gen::element(1.0, 1e-300, 1e300, 1.7e308, 1e-17);
    Values values;
    for (double const value : any) {
        values.push_back(std::clamp(value * scale, -largest_double, largest_double));
    }
    values.push_back(values.front());
    return values;
}

TEST(ReducersTest, TheOrderOfArrivalChangesNoDigit) {
    EXPECT_TRUE(rc::check("same digits in any order", [] {
        Values const values = arbitrary_values();
        Values shuffled = values;
        auto const start = *rc::gen::inRange<std::size_t>(0, values.size());
        std::rotate(shuffled.begin(), shuffled.begin() + static_cast<std::ptrdiff_t>(start),
                    shuffled.end());
        if (*rc::gen::arbitrary<bool>()) {
            std::reverse(shuffled.begin(), shuffled.end());
        }
        for (std::string_view const name : known_reducers()) {
            RC_ASSERT(reduce(name, values) == reduce(name, shuffled));
        }
    }));
}

TEST(ReducersTest, EveryResultIsFiniteAndWithinTheValues) {
    EXPECT_TRUE(rc::check("bounds", [] {
        Values const values = arbitrary_values();
        double const low = smallest(values);
        double const high = largest(values);
        for (auto const function : {mean, median, interquartile_mean}) {
            RC_ASSERT(low <= function(values) && function(values) <= high);
        }
        double const spread = population_std(values);
        RC_ASSERT(std::isfinite(spread) && spread >= 0.0);
        RC_ASSERT(spread / 2 <= high / 2 - low / 2);
        RC_ASSERT((spread == 0.0) == (low == high) || spread < 1e-300);
    }));
}

TEST(ReducersTest, ScalingByAPowerOfTwoScalesTheResult) {
    EXPECT_TRUE(rc::check("scaling", [] {
        auto const numbers = *rc::gen::nonEmpty(
            rc::gen::container<std::vector<int>>(rc::gen::inRange(-1'000'000, 1'000'000)));
        Values const values(numbers.begin(), numbers.end());
        Values doubled = values;
        for (double& value : doubled) {
            value *= 2;
        }
        for (std::string_view const name : known_reducers()) {
            RC_ASSERT(reduce(name, doubled) == 2 * reduce(name, values));
        }
    }));
}

}  // namespace
}  // namespace reprise
