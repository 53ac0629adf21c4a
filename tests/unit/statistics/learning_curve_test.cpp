#include "reprise/statistics/learning_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

constexpr char const* reward_column = "rollout/ep_rew_mean";

using Names = std::vector<std::string>;

/// "0.5", "missing", "none" or "not finite: TEXT".
std::string reward_in(std::string_view text, FileEnd end = FileEnd::torn) {
    struct Words {
        std::string operator()(RewardValue const& r) const {
            std::string digits = std::to_string(r.value);
            digits.erase(digits.find_last_not_of('0') + 1);
            return digits;
        }
        std::string operator()(RewardColumnMissing const&) const { return "missing"; }
        std::string operator()(RewardHasNoValue const&) const { return "none"; }
        std::string operator()(RewardNotFinite const& r) const { return "not finite: " + r.text; }
    };
    return std::visit(Words(), read_reward(text, reward_column, end));
}

/// Rewards under a header with one column more.
std::string rewards(std::initializer_list<char const*> cells) {
    std::string text = "eprew,rollout/ep_rew_mean\n";
    for (char const* const cell : cells) {
        text += std::string("1,") + cell + "\n";
    }
    return text;
}

TEST(RewardTest, TheLastNonEmptyCellDecides) {
    EXPECT_EQ(reward_in(rewards({"0.125", "-0.5"})), "-0.5");
    EXPECT_EQ(reward_in(rewards({"0.125", "", " ", "\"\""})), "0.125");
    EXPECT_EQ(reward_in(rewards({"nan", "0.5"})), "0.5");
    EXPECT_EQ(reward_in(rewards({"x", "0.5"})), "0.5");
}

TEST(RewardTest, ATrainingThatDivergedHasNoReward) {
    EXPECT_EQ(reward_in(rewards({"0.5", "nan"})), "not finite: nan");
    EXPECT_EQ(reward_in(rewards({"0.5", "nan", ""})), "not finite: nan");
    EXPECT_EQ(reward_in(rewards({"0.5", "-inf"})), "not finite: -inf");
    EXPECT_EQ(reward_in(rewards({"0.5", "1e999"})), "not finite: 1e999");
    EXPECT_EQ(reward_in(rewards({"0.5", "tensor(0.5)"})), "not finite: tensor(0.5)");
}

TEST(RewardTest, NoColumnAndNoValueAreToldApart) {
    EXPECT_EQ(reward_in(""), "missing");
    EXPECT_EQ(reward_in("\n"), "missing");
    EXPECT_EQ(reward_in("eprew,steps\n1,2\n"), "missing");
    EXPECT_EQ(reward_in(rewards({})), "none");
    EXPECT_EQ(reward_in(rewards({"", " "})), "none");
    EXPECT_EQ(reward_in("eprew,rollout/ep_rew_mean\n1\n2\n"), "none");
}

TEST(RewardTest, ALineWithoutNewlineCountsOnlyInAClosedFile) {
    std::string const text = rewards({"0.5"}) + "1,0.25";
    EXPECT_EQ(reward_in(text, FileEnd::torn), "0.5");
    EXPECT_EQ(reward_in(text, FileEnd::closed), "0.25");
    EXPECT_EQ(reward_in(rewards({"0.5"}) + "1", FileEnd::closed), "0.5");
    EXPECT_EQ(reward_in(rewards({"0.5"}) + "1,\"0.25", FileEnd::closed), "0.5");
    EXPECT_EQ(reward_in("rollout/ep_rew_mean\n0.5", FileEnd::closed), "0.5");
    EXPECT_EQ(reward_in("rollout/ep_rew_mean", FileEnd::closed), "none");
    EXPECT_EQ(reward_in("rollout/ep_rew_mean", FileEnd::torn), "missing");
}

TEST(RewardTest, EveryPrefixOfATornFileGivesAnEarlierRewardOrNone) {
    std::string const text = rewards({"0.125", "0.25", "", "0.5"});
    for (std::size_t size = 0; size <= text.size(); ++size) {
        std::string const reward = reward_in(std::string_view(text).substr(0, size));
        EXPECT_TRUE(reward == "missing" || reward == "none" || reward == "0.125" ||
                    reward == "0.25" || reward == "0.5")
            << size << ": " << reward;
    }
}

TEST(RewardTest, ColumnsMayStandInAnyOrderAndRowsMayHaveAnyLength) {
    EXPECT_EQ(reward_in("rollout/ep_rew_mean,eprew\n0.5,1\n"), "0.5");
    EXPECT_EQ(reward_in("rollout/ep_rew_mean,eprew\n0.5\n0.25,1,2,3\n"), "0.25");
    EXPECT_EQ(reward_in("a,\"rollout/ep_rew_mean\"\r\n1,0.5\r\n"), "0.5");
    EXPECT_EQ(reward_in("\xef\xbb\xbfrollout/ep_rew_mean,a\n0.5,1\n"), "0.5");
    EXPECT_EQ(reward_in("rollout/ep_rew_mean,rollout/ep_rew_mean\n0.5,0.25\n"), "0.5");
}

TEST(RewardTest, ASecondHeaderMovesTheColumns) {
    std::string const text = rewards({"0.5"}) + "rollout/ep_rew_mean,time,eprew\n0.25,7,8\n";
    EXPECT_EQ(reward_in(text), "0.25");
    LearningCurve const curve = parse_learning_curve(text, FileEnd::torn);
    EXPECT_EQ(curve.columns, (Names{"eprew", "rollout/ep_rew_mean", "time"}));
    ASSERT_EQ(curve.rows, 2U);
    EXPECT_TRUE(std::isnan(curve.at(0, 2)));
    EXPECT_EQ(curve.at(1, 0), 8.0);
    EXPECT_EQ(curve.at(1, 1), 0.25);
    EXPECT_EQ(curve.at(1, 2), 7.0);
}

TEST(RewardTest, TheTextThatIsShownIsShort) {
    std::string const cell(100'000, 'x');
    EXPECT_EQ(reward_in(rewards({cell.c_str()})), "not finite: " + std::string(40, 'x'));
}

TEST(RewardTest, ANumberWithAMegabyteOfDigitsIsNone) {
    std::string const cell = "0." + std::string(1'000'000, '5');
    EXPECT_EQ(reward_in(rewards({cell.c_str()})), "not finite: " + cell.substr(0, 40));
}

TEST(LearningCurveTest, NumericColumnsInTheFilesOrder) {
    LearningCurve const curve = parse_learning_curve(
        "time,note,reward,empty,loss\n1,start,,,0.5\n2,end,-1,,nan\n", FileEnd::torn);
    EXPECT_EQ(curve.columns, (Names{"time", "reward", "loss"}));
    ASSERT_EQ(curve.rows, 2U);
    ASSERT_EQ(curve.values.size(), 6U);
    EXPECT_EQ(curve.at(0, 0), 1.0);
    EXPECT_TRUE(std::isnan(curve.at(0, 1)));
    EXPECT_EQ(curve.at(0, 2), 0.5);
    EXPECT_EQ(curve.at(1, 0), 2.0);
    EXPECT_EQ(curve.at(1, 1), -1.0);
    EXPECT_TRUE(std::isnan(curve.at(1, 2)));
    EXPECT_EQ(last_finite(curve, "loss"), 0.5);
    EXPECT_EQ(last_finite(curve, "note"), std::nullopt);
    EXPECT_THROW((void)curve.at(2, 0), ContractViolation);
    EXPECT_THROW((void)curve.at(0, 3), ContractViolation);
}

TEST(LearningCurveTest, AFileWithoutRowsHasNoColumnsOfNumbers) {
    EXPECT_EQ(parse_learning_curve("a,b\n", FileEnd::torn).columns, Names());
    EXPECT_EQ(parse_learning_curve("", FileEnd::torn).rows, 0U);
}

TEST(LearningCurveTest, AColumnWithOneTextAmongNumbersIsKept) {
    LearningCurve const curve = parse_learning_curve("a\n1\noops\n3\n", FileEnd::torn);
    ASSERT_EQ(curve.rows, 3U);
    EXPECT_TRUE(std::isnan(curve.at(1, 0)));
    EXPECT_EQ(curve.at(2, 0), 3.0);
}

TEST(LearningCurveTest, ACurveThatIsTooLongLosesEverySecondRow) {
    // As many columns as there may be; after one full row only the first of them goes on.
    std::string header = "step";
    std::string full_row = "0";
    for (std::size_t i = 1; i < CsvReader::max_columns; ++i) {
        header += ",c" + std::to_string(i);
        full_row += ",1";
    }
    std::size_t const rows = 2 * LearningCurveReader::max_values / CsvReader::max_columns + 3;
    LearningCurveReader reader;
    reader.feed(header + "\n" + full_row + "\n");
    for (std::size_t row = 1; row < rows; ++row) {
        reader.feed(std::to_string(row) + "\n");
    }
    LearningCurve const curve = reader.curve();
    EXPECT_EQ(reader.rows_read(), rows);
    EXPECT_EQ(curve.stride, 4U);
    EXPECT_EQ(curve.columns.size(), CsvReader::max_columns);
    ASSERT_EQ(curve.rows, (rows + 3) / 4);
    for (std::size_t row = 0; row < curve.rows; ++row) {
        ASSERT_EQ(curve.at(row, 0), static_cast<double>(4 * row));
        ASSERT_EQ(std::isnan(curve.at(row, 1)), row > 0);
    }
    EXPECT_EQ(reader.last_value("step"), static_cast<double>(rows - 1));
}

TEST(LearningCurveReaderTest, PiecesGiveWhatTheWholeGives) {
    std::string const text = rewards({"0.5", "", "\"0.25\"", "nan"}) + "2,0.125\n";
    LearningCurveReader reader;
    for (char const c : text) {
        reader.feed(std::string_view(&c, 1));
    }
    EXPECT_EQ(reader.rows_read(), 5U);
    EXPECT_EQ(reader.curve().columns, parse_learning_curve(text, FileEnd::torn).columns);
    EXPECT_EQ(reader.header_bytes(), "eprew,rollout/ep_rew_mean\n");
    EXPECT_EQ(std::get<RewardValue>(reader.reward(reward_column)).value, 0.125);
}

TEST(LearningCurveReaderTest, AHeaderThatChangedIsNoticed) {
    LearningCurveReader reader;
    reader.feed("a,b\n1,2\n");
    EXPECT_TRUE(reader.same_header("a,b\n1,2\n3,4\n"));
    EXPECT_FALSE(reader.same_header("a,b,c\n1,2,\n"));
    EXPECT_FALSE(reader.same_header("a,"));
}

TEST(LearningCurveReaderTest, LastValuesAloneAreKeptOnRequest) {
    LearningCurveReader reader(LearningCurveReader::Keep::last_values);
    reader.feed(rewards({"0.5", "nan", ""}));
    EXPECT_TRUE(std::isnan(reader.last_value(reward_column).value()));
    EXPECT_EQ(reader.last_value("eprew"), 1.0);
    EXPECT_EQ(reader.last_value("other"), std::nullopt);
    EXPECT_THROW((void)reader.curve(), ContractViolation);
}

TEST(TotalStepsTest, TheLastNumberOfItsColumn) {
    auto const steps = [](std::string const& cells) {
        return read_total_steps("time/total_timesteps,a\n" + cells, FileEnd::torn);
    };
    EXPECT_EQ(steps("2048,1\n4096,1\n,1\n"), 4096);
    EXPECT_EQ(steps("4096.0,1\n"), 4096);
    EXPECT_EQ(steps("0,1\n"), 0);
    EXPECT_EQ(steps("1e18,1\n"), 1'000'000'000'000'000'000);
    for (char const* const bad :
         {"-1,1\n", "nan,1\n", "inf,1\n", "1e19,1\n", ",1\n", "x,1\n", ""}) {
        EXPECT_EQ(steps(bad), std::nullopt) << bad;
    }
    EXPECT_EQ(read_total_steps("steps\n5\n", FileEnd::torn), std::nullopt);
}

TEST(ParseNumberTest, EverySpellingThatTrainersWrite) {
    for (auto const& [text, value] : {std::pair{"0.5", 0.5},
                                      {"-1e-05", -1e-5},
                                      {"+3", 3.0},
                                      {" 7\t", 7.0},
                                      {".5", 0.5},
                                      {"5.", 5.0},
                                      {"1E3", 1000.0},
                                      {"0.1234567890123456789", 0.1234567890123456789},
                                      {"5e-324", 5e-324},
                                      {"1e-999", 0.0},
                                      {"-0.0", -0.0}}) {
        EXPECT_EQ(parse_number(text), value) << text;
    }
    for (char const* const text : {"inf", "Infinity", "INF", "1e999", "+inf"}) {
        EXPECT_EQ(parse_number(text), std::numeric_limits<double>::infinity()) << text;
    }
    EXPECT_EQ(parse_number("-1e999"), -std::numeric_limits<double>::infinity());
    for (char const* const text : {"nan", "NaN", "-nan"}) {
        EXPECT_TRUE(std::isnan(parse_number(text).value())) << text;
    }
    for (char const* const text : {"", " ", "x", "1x", "1 2", "0x10", "1,5", "--1", "+-1", "-+1",
                                   "++1", "+", "-", ".", "e5", "1e", "True", "None", "1_000"}) {
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
    }
}

/// Bytes that are likely to hit the parser's cases.
std::string garbage(std::mt19937_64& random) {
    constexpr char const* pieces[] = {"\n",
                                      ",",
                                      "\"",
                                      "\r\n",
                                      "nan",
                                      "1e999",
                                      "-0.5",
                                      "7",
                                      "\xff",
                                      "\r",
                                      " ",
                                      "\t",
                                      "x",
                                      "rollout/ep_rew_mean",
                                      "time/total_timesteps",
                                      "\xef\xbb\xbf"};
    std::string text;
    for (std::uint64_t count = random() % 200; count > 0; --count) {
        std::uint64_t const pick = random() % 20;
        if (pick < std::size(pieces)) {
            text += pieces[pick];
        } else if (pick == 17) {
            text += std::string(random() % 10'000, 'y');
        } else {
            text += static_cast<char>(random() % 256);
        }
    }
    return text;
}

TEST(LearningCurveTest, GarbageOfAnyKindGivesACurveThatIsConsistent) {
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        std::mt19937_64 random(seed);
        std::string const text = garbage(random);
        LearningCurve const curve = parse_learning_curve(text, FileEnd::closed);
        ASSERT_EQ(curve.values.size(), curve.rows * curve.columns.size()) << "seed " << seed;
        RewardReading const reward = read_reward(text, reward_column, FileEnd::closed);
        if (auto const* const value = std::get_if<RewardValue>(&reward)) {
            ASSERT_TRUE(std::isfinite(value->value)) << "seed " << seed;
            ASSERT_TRUE(last_finite(curve, reward_column).has_value()) << "seed " << seed;
            ASSERT_EQ(last_finite(curve, reward_column), value->value) << "seed " << seed;
        }
        auto const steps = read_total_steps(text, FileEnd::closed);
        ASSERT_TRUE(!steps || *steps >= 0) << "seed " << seed;
    }
}

TEST(LearningCurveTest, ManyColumnsAndLongLinesAreBounded) {
    std::string line = "a";
    while (line.size() < 1'000'000) {
        line += ",1";
    }
    std::string const text = line + "\n" + line + "\n" + std::string(1'000'000, '\0') + "\n";
    LearningCurve const curve = parse_learning_curve(text, FileEnd::torn);
    EXPECT_LE(curve.columns.size(), CsvReader::max_columns);
}

}  // namespace
}  // namespace reprise
