#include "reprise/core/checkpoints.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace reprise {
namespace {

constexpr std::int64_t total = 1000;

TrainingBase loads(std::int64_t counter, std::int64_t expected = 0) {
    return {counter, std::max(counter, expected), 0, 0, false};
}

TrainingBase goes_on(std::int64_t counter, std::int64_t done, std::int64_t began) {
    return {counter, counter, done, began, true};
}

CounterTrace rows(std::int64_t first, std::int64_t second = -1) {
    CounterTrace trace;
    trace.first_row = first;
    if (second >= 0) trace.second_row = second;
    return trace;
}

PartFiles part(int number, TrainingBase base, std::vector<std::int64_t> const& checkpoints,
               CounterTrace trace = {}) {
    PartFiles files{number, base, trace, {}};
    for (auto const steps : checkpoints)
        files.checkpoints.push_back({std::to_string(steps), steps});
    return files;
}

/// "part:steps behind it/steps left", the best one first.
std::vector<std::string> ranked(std::vector<PartFiles> const& parts, std::int64_t steps = total) {
    std::vector<std::string> names;
    for (auto const& next : rank_checkpoints(parts, steps)) {
        names.push_back(std::to_string(next.part) + ":" + std::to_string(next.base.done) + "/" +
                        std::to_string(next.left));
    }
    return names;
}

using Names = std::vector<std::string>;

TEST(RankCheckpoints, TheNewestComesFirst) {
    EXPECT_EQ(ranked({part(0, {}, {250, 750, 500})}),
              (Names{"0:750/250", "0:500/500", "0:250/750"}));
    EXPECT_EQ(ranked({}), Names{});
    EXPECT_EQ(ranked({part(0, {}, {})}), Names{});
}

TEST(RankCheckpoints, OneThatLeavesNothingIsNotAmongThem) {
    EXPECT_EQ(ranked({part(0, {}, {500, 1000})}), (Names{"0:500/500"}));
    EXPECT_EQ(ranked({part(0, {}, {1000, 2048})}), Names{});
}

TEST(RankCheckpoints, OneWithoutAStepIsTheBeginning) {
    EXPECT_EQ(ranked({part(0, {}, {0, 500})}), (Names{"0:500/500"}));
}

TEST(RankCheckpoints, WithoutANumberOfStepsAllAreOfUse) {
    EXPECT_EQ(ranked({part(0, {}, {500, 1500})}, 0), (Names{"0:1500/0", "0:500/0"}));
}

TEST(RankCheckpoints, LearnersThatCountOnAreUnderstoodInALaterIteration) {
    auto const files = part(0, loads(3000), {3250, 3500}, rows(3200));
    EXPECT_EQ(ranked({files}), (Names{"0:500/500", "0:250/750"}));
    EXPECT_EQ(rank_checkpoints({files}, total).front().base, goes_on(3500, 500, 3000));
}

TEST(RankCheckpoints, LearnersThatBeginAtZeroAreUnderstoodInALaterIteration) {
    auto const files = part(0, loads(3000), {250, 500}, rows(200));
    EXPECT_EQ(ranked({files}), (Names{"0:500/500", "0:250/750"}));
    EXPECT_EQ(rank_checkpoints({files}, total).front().base, goes_on(500, 500, 0));
}

TEST(RankCheckpoints, PartsFollowOneAnotherWhereTheCounterGoesOn) {
    auto const first = part(0, loads(3000), {3250, 3500});
    auto const second = part(1, goes_on(3500, 500, 3000), {3750});
    EXPECT_EQ(ranked({first, second}), (Names{"1:750/250", "0:500/500", "0:250/750"}));
    EXPECT_EQ(rank_checkpoints({first, second}, total).front().base, goes_on(3750, 750, 3000));
}

TEST(RankCheckpoints, PartsFollowOneAnotherWhereTheCounterBeginsAtZero) {
    auto const first = part(0, loads(3000), {250, 500});
    auto const second = part(1, goes_on(500, 500, 0), {250});
    EXPECT_EQ(ranked({first, second}), (Names{"1:750/250", "0:500/500", "0:250/750"}));
    EXPECT_EQ(rank_checkpoints({first, second}, total).front().base, goes_on(250, 750, 0));
}

TEST(RankCheckpoints, TheFirstCheckpointAfterOneIntervalIsNoCountingOn) {
    // Loaded 250, begins at 0, has saved once: 250 again.
    auto const second = part(1, goes_on(250, 250, 0), {250}, rows(200));
    EXPECT_EQ(ranked({second}), (Names{"1:500/500"}));
}

TEST(RankCheckpoints, OfEquallyGoodOnesTheLaterPartsIsTaken) {
    EXPECT_EQ(ranked({part(0, {}, {500}), part(1, {}, {500})}), (Names{"1:500/500", "0:500/500"}));
}

TEST(RankCheckpoints, WhatAnOldPartWroteLaterIsOfUseToo) {
    EXPECT_EQ(ranked({part(0, {}, {250, 500, 750}), part(1, goes_on(250, 250, 0), {500})}).front(),
              "0:750/250");
}

TEST(RankCheckpoints, AModelThatTheUserGaveMayHaveAnyAge) {
    auto const unknown = loads(TrainingBase::unknown);
    EXPECT_EQ(ranked({part(0, unknown, {100'250, 100'500}, rows(100'200, 100'400))}),
              (Names{"0:500/500", "0:250/750"}))
        << "rows come every 200 steps";
    EXPECT_EQ(ranked({part(0, unknown, {100'250, 100'500})}), (Names{"0:500/500", "0:250/750"}));
    EXPECT_EQ(ranked({part(0, unknown, {250, 500}, rows(200))}), (Names{"0:500/500", "0:250/750"}));
}

TEST(StepScaleTest, RowsMayLagBehindTheModel) {
    // The iteration before had 3000 steps, and its last row said 2970.
    CounterTrace trace;
    trace.first_checkpoint = 3500;
    EXPECT_EQ(StepScale(loads(2970, 3000), trace, total).done(3500), 500);
    // It ended early, at 2500.
    trace.first_checkpoint = 2750;
    EXPECT_EQ(StepScale(loads(2500, 3000), trace, total).done(2750), 250);
}

TEST(StepScaleTest, OneCounterForAllParts) {
    auto const base = goes_on(500, 500, 0);
    EXPECT_EQ(StepScale(base, rows(200), total).attempt_counter(200), 700) << "began at 0";
    EXPECT_EQ(StepScale(base, rows(700), total).attempt_counter(700), 700) << "counts on";
    EXPECT_EQ(StepScale(base, rows(500, 700), total).attempt_counter(700), 700)
        << "a row before the first step";
    EXPECT_EQ(StepScale(base, {}, total).done(500), 500) << "nothing seen yet";
    EXPECT_EQ(StepScale(loads(3000), rows(3200), total).attempt_counter(3200), 3200);
    EXPECT_EQ(StepScale(loads(3000), rows(200), total).attempt_counter(200), 200);
}

TEST(CheckpointPatternTest, TheNumberStandsForTheStar) {
    auto const pattern = CheckpointPattern::parse("logs/checkpoints/rl_model_*_steps.zip");
    ASSERT_TRUE(pattern);
    EXPECT_EQ(pattern->folder, "logs/checkpoints");
    EXPECT_EQ(pattern->steps_of("rl_model_500_steps.zip"), 500);
    EXPECT_EQ(pattern->steps_of("rl_model_999999999999999_steps.zip"), 999'999'999'999'999);
    for (auto const* other :
         {"rl_model__steps.zip", "rl_model_500_steps.zip.tmp", ".rl_model_500_steps.zip",
          "rl_model_-5_steps.zip", "rl_model_5e3_steps.zip", "rl_model_1000000000000000_steps.zip",
          "rl_model_replay_buffer_500_steps.zip", "rl_model_steps.zip", ""}) {
        EXPECT_EQ(pattern->steps_of(other), std::nullopt) << other;
    }
    EXPECT_EQ(pattern->path_of("rl_model_5_steps.zip"), "logs/checkpoints/rl_model_5_steps.zip");
}

TEST(CheckpointPatternTest, FoldersMayHaveTheNumber) {
    auto const pattern = CheckpointPattern::parse("checkpoints/step_*/model.pt");
    ASSERT_TRUE(pattern);
    EXPECT_EQ(pattern->folder, "checkpoints");
    EXPECT_EQ(pattern->steps_of("step_20"), 20);
    EXPECT_EQ(pattern->path_of("step_20"), "checkpoints/step_20/model.pt");
    EXPECT_EQ(CheckpointPattern::parse("*")->path_of("7"), "7");
}

TEST(CheckpointPatternTest, OneStarAndNoMore) {
    EXPECT_FALSE(CheckpointPattern::parse("model.zip"));
    EXPECT_FALSE(CheckpointPattern::parse("*/model_*.zip"));
}

TEST(CheckpointPatternTest, TheLoadPathIsOfTheSameFormAsThatOfAModel) {
    struct {
        char const* pattern;
        char const* name;
        char const* model;
        char const* load_path;
    } const cases[] = {
        {"a/rl_*_steps.zip", "a/rl_5_steps.zip", "model", "a/rl_5_steps"},
        {"a/rl_*_steps.zip", "a/rl_5_steps.zip", "out.d/model", "a/rl_5_steps"},
        {"a/rl_*_steps.zip", "a/rl_5_steps.zip", "model.zip", "a/rl_5_steps.zip"},
        {"a/*.tar.gz", "a/5.tar.gz", "model", "a/5"},
        {"a/step_*", "a/step_5", "model", "a/step_5"},
        {"a/step_*/model.pt", "a/step_5/model.pt", "model", "a/step_5/model"},
        {"a/step_*/model.pt", "a/step_5/model.pt", "model.pt", "a/step_5/model.pt"},
        {"a.b/5.*", "a.b/5.7", "model", "a.b/5.7"},
    };
    for (auto const& c : cases) {
        EXPECT_EQ(CheckpointPattern::parse(c.pattern)->as_load_path(c.name, c.model), c.load_path)
            << c.pattern;
    }
}

}  // namespace
}  // namespace reprise
