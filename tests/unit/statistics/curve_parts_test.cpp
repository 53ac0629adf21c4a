#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "reprise/statistics/learning_curve.hpp"

namespace reprise {
namespace {

CurvePart part(std::string const& csv, std::int64_t shift = 0,
               std::optional<std::int64_t> end = std::nullopt) {
    return {parse_learning_curve(csv, FileEnd::closed), shift, end};
}

/// Columns and rows as text; an empty cell is "-".
std::string text_of(LearningCurve const& curve) {
    std::string text;
    for (auto const& name : curve.columns) text += name + " ";
    for (std::size_t row = 0; row < curve.rows; ++row) {
        text += "|";
        for (std::size_t column = 0; column < curve.columns.size(); ++column) {
            double const value = curve.at(row, column);
            text += " " + (std::isnan(value) ? "-" : std::to_string(std::lround(value)));
        }
    }
    return text;
}

std::string const header = "time/total_timesteps,r\n";

TEST(JoinParts, WhatIsBeyondTheCheckpointIsCutOff) {
    auto const whole = join_parts(
        {part(header + "200,1\n400,2\n600,3\n", 0, 500), part(header + "700,4\n900,5\n")});
    EXPECT_EQ(text_of(whole), "time/total_timesteps r | 200 1| 400 2| 700 4| 900 5");
}

TEST(JoinParts, ARowAtTheCheckpointStays) {
    auto const whole =
        join_parts({part(header + "250,1\n500,2\n", 0, 500), part(header + "750,3\n")});
    EXPECT_EQ(text_of(whole), "time/total_timesteps r | 250 1| 500 2| 750 3");
}

TEST(JoinParts, CountersThatBeginAtZeroGoOn) {
    auto const whole =
        join_parts({part(header + "200,1\n400,2\n600,3\n", 0, 500),
                    part(header + "200,4\n400,5\n", 500, 750), part(header + "200,6\n", 750)});
    EXPECT_EQ(text_of(whole), "time/total_timesteps r | 200 1| 400 2| 700 4| 950 6");
}

TEST(JoinParts, RowsWithoutStepsGoWithTheNextOneThatHasThem) {
    auto const whole = join_parts(
        {part(header + ",1\n200,2\n,3\n400,4\n,5\n600,6\n", 0, 500), part(header + ",7\n")});
    EXPECT_EQ(text_of(whole), "time/total_timesteps r | - 1| 200 2| - 3| 400 4| - 7");
}

TEST(JoinParts, ColumnsAreFoundByName) {
    auto const whole = join_parts(
        {part(header + "200,1\n", 0, 200), part("loss,r,time/total_timesteps\n9,2,400\n")});
    EXPECT_EQ(text_of(whole), "time/total_timesteps r loss | 200 1 -| 400 2 9");
}

TEST(JoinParts, APartWithoutRowsChangesNothing) {
    EXPECT_EQ(text_of(join_parts({part("", 0, 100), part(header + "200,1\n"), part("")})),
              "time/total_timesteps r | 200 1");
    EXPECT_EQ(join_parts({}).rows, 0U);
    EXPECT_EQ(join_parts({part("")}).columns.size(), 0U);
}

TEST(JoinParts, WithoutStepsAllRowsStay) {
    EXPECT_EQ(text_of(join_parts({part("r\n1\n2\n", 0, 100), part("r\n3\n")})), "r | 1| 2| 3");
}

TEST(JoinParts, MemoryIsBounded) {
    CurvePart big;
    big.curve.columns = {std::string(steps_column)};
    big.curve.rows = LearningCurveReader::max_values;
    for (std::size_t i = 0; i < big.curve.rows; ++i) {
        big.curve.values.push_back(static_cast<double>(i));
    }
    auto next = big;
    next.shift = static_cast<std::int64_t>(big.curve.rows);
    auto const whole = join_parts({big, next});
    EXPECT_EQ(whole.rows, LearningCurveReader::max_values);
    EXPECT_EQ(whole.stride, 2U);
    EXPECT_EQ(whole.at(1, 0), 2.0);
    EXPECT_EQ(whole.at(whole.rows - 1, 0), 2.0 * static_cast<double>(big.curve.rows - 1));
}

TEST(FirstSteps, AreTheFirstTwoDifferentNumbers) {
    auto const first = [](std::string const& text) {
        LearningCurveReader reader(LearningCurveReader::Keep::last_values);
        reader.feed(text);
        reader.finish(FileEnd::closed);
        return reader.first_steps();
    };
    using Steps = std::vector<std::int64_t>;
    EXPECT_EQ(first(header + ",1\n100,1\n100,2\n250,1\n300,1\n"), (Steps{100, 250}));
    EXPECT_EQ(first(header + "100,1\n"), Steps{100});
    EXPECT_EQ(first(header + "nan,1\n-5,1\n"), Steps{});
    EXPECT_EQ(first("r\n1\n"), Steps{});
}

}  // namespace
}  // namespace reprise
