#include "reprise/commands/part_files.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "reprise/commands/curve_files.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;
using Steps = std::vector<double>;

/// Checkpoints are text files here: what a complete archive is has a test of its own.
class PartFilesTest : public ::testing::Test {
  protected:
    void write(std::string const& name, std::string const& content) const {
        fs::path const path(folder / name);
        fs::create_directories(path.parent_path());
        std::ofstream(path) << content;
    }
    static AttemptKey key(int part) { return {0, 0, 0, part}; }
    void curve(int part, std::string const& rows) const {
        write(directory_name(key(part)) + "/progress.csv", "time/total_timesteps,r\n" + rows);
    }
    void checkpoint(int part, int steps, std::string const& content = "weights") const {
        write(directory_name(key(part)) + "/saved/model_" + std::to_string(steps) + ".json",
              content);
    }
    /// The next part, begun as rank 0 does it. Returns what it found.
    FoundContinuation begin(int part) const {
        auto found = find_continuation(files, key(part), {});
        fs::create_directories(folder / directory_name(key(part)));
        if (found.continuation) {
            write(directory_name(key(part)) + "/" + continuation_file,
                  continuation_text(*found.continuation));
        }
        return found;
    }
    [[nodiscard]] CurveFacts facts(int part, FileEnd end = FileEnd::closed) const {
        return read_attempt_facts(files, key(part), base_of(files, key(part), {}), end);
    }
    [[nodiscard]] Steps steps_of_curve(int part) const {
        auto const curve = read_attempt_curve(files, key(part));
        Steps steps;
        for (std::size_t row = 0; curve && row < curve->rows; ++row) {
            steps.push_back(curve->values[row * curve->columns.size()]);
        }
        return steps;
    }
    static double reward_of(CurveFacts const& facts) {
        auto const* value = std::get_if<RewardValue>(&facts.reward);
        return value != nullptr ? value->value : std::nan("");
    }

    test::PrivateFolder folder;
    AttemptFiles files{folder.path(), "progress.csv", "r", "saved/model_*.json", 1000};
};

TEST_F(PartFilesTest, RewardAndStepsAreReadFromTheFile) {
    curve(0, "100,1.5\n200,2.5\n300,9");
    auto const torn = facts(0, FileEnd::torn);
    EXPECT_TRUE(torn.file_found);
    EXPECT_EQ(torn.steps, 200) << "a row without its end may be half a row";
    EXPECT_EQ(torn.done, 200);
    EXPECT_EQ(facts(0).steps, 300);
    EXPECT_EQ(reward_of(facts(0)), 9);
}

TEST_F(PartFilesTest, WhatIsNoFileIsMissing) {
    EXPECT_FALSE(facts(0).file_found);
    EXPECT_FALSE(read_attempt_curve(files, key(0)));
    fs::create_directories(folder / "run_0.0-0/progress.csv");
    EXPECT_FALSE(facts(0).file_found);
    EXPECT_EQ(facts(0).steps, 0);
    EXPECT_FALSE(read_attempt_curve(files, key(0)));
}

TEST_F(PartFilesTest, CurveHasEveryColumnUnderAValidName) {
    write("run_0.0-0/progress.csv", "a,b\xff\n1,2\n3,4\n");
    auto const curve = read_attempt_curve(files, key(0));
    ASSERT_TRUE(curve);
    EXPECT_EQ(curve->rows, 2U);
    EXPECT_EQ(curve->columns, (Names{"a", "b\xef\xbf\xbd"}));
}

TEST_F(PartFilesTest, HeadingWithoutRowsIsNoCurve) {
    curve(0, "");
    EXPECT_FALSE(read_attempt_curve(files, key(0)));
}

TEST_F(PartFilesTest, APartGoesOnFromTheNewestCheckpointThatIsComplete) {
    curve(0, "200,1\n400,2\n600,3\n");
    checkpoint(0, 250);
    checkpoint(0, 500);
    checkpoint(0, 750, "");
    write("run_0.0-0/saved/model_900.json.tmp", "weights");
    auto const found = begin(1);
    ASSERT_TRUE(found.continuation);
    EXPECT_EQ(found.continuation->checkpoint, "saved/model_500.json");
    EXPECT_EQ(found.continuation->left, 500);
    EXPECT_EQ(found.torn, Names{folder / "run_0.0-0/saved/model_750.json"});
    EXPECT_EQ(continued_directory(files, key(1)), "run_0.0-0");
    EXPECT_EQ(base_of(files, key(1), {}), found.continuation->base);
}

TEST_F(PartFilesTest, WithoutCheckpointsAPartBeginsAnew) {
    curve(0, "200,1\n");
    EXPECT_FALSE(begin(1).continuation);
    curve(1, "100,4\n");
    EXPECT_EQ(continued_directory(files, key(1)), "");
    EXPECT_EQ(facts(1).steps, 100);
    EXPECT_EQ(steps_of_curve(1), Steps{100}) << "nothing of part 0 is in it";
}

TEST_F(PartFilesTest, CurvesOfALearnerThatCountsOnBecomeOne) {
    curve(0, "200,1\n400,2\n600,3\n");
    checkpoint(0, 500);
    begin(1);
    curve(1, "700,4\n900,5\n");
    checkpoint(1, 750);
    begin(2);
    curve(2, "950,6\n");
    EXPECT_EQ(steps_of_curve(2), (Steps{200, 400, 700, 950}));
    EXPECT_EQ(facts(2).steps, 950);
    EXPECT_EQ(facts(2).done, 950);
}

TEST_F(PartFilesTest, CurvesOfALearnerThatBeginsAtZeroBecomeOne) {
    curve(0, "200,1\n400,2\n600,3\n");
    checkpoint(0, 500);
    begin(1);
    curve(1, "200,4\n400,5\n");
    checkpoint(1, 250);
    EXPECT_EQ(begin(2).continuation->left, 250);
    curve(2, "200,6\n");
    EXPECT_EQ(steps_of_curve(2), (Steps{200, 400, 700, 950}));
    EXPECT_EQ(facts(2).steps, 950);
    EXPECT_EQ(facts(2).done, 950);
}

TEST_F(PartFilesTest, APartOutsideTheChainIsNotInTheCurve) {
    curve(0, "200,1\n400,2\n");
    checkpoint(0, 250);
    begin(1);
    curve(1, "400,7\n");  // and died before its first checkpoint
    EXPECT_EQ(begin(2).continuation->part, 0);
    curve(2, "300,8\n");
    EXPECT_EQ(steps_of_curve(2), (Steps{200, 300}));
}

TEST_F(PartFilesTest, TheRewardIsTheLastOfAllParts) {
    curve(0, "200,1\n400,2\n600,\n");
    checkpoint(0, 500);
    begin(1);
    EXPECT_EQ(reward_of(facts(1)), 2) << "no file yet";
    EXPECT_TRUE(facts(1).file_found);
    curve(1, "700,\n");
    checkpoint(1, 750);
    begin(2);
    curve(2, "");
    EXPECT_EQ(reward_of(facts(2)), 2) << "two parts before";
    EXPECT_EQ(facts(2).steps, 0) << "a training has made no step that has shown none";
    curve(2, "900,6\n");
    EXPECT_EQ(reward_of(facts(2)), 6);
    curve(2, "900,6\n1000,nan\n");
    EXPECT_TRUE(std::holds_alternative<RewardNotFinite>(facts(2).reward));
}

TEST_F(PartFilesTest, ATrainingThatDivergedBeforeIsNotCreditedWithItsLastGoodValue) {
    curve(0, "200,1\n400,nan\n");
    checkpoint(0, 250);
    begin(1);
    curve(1, "");
    EXPECT_TRUE(std::holds_alternative<RewardNotFinite>(facts(1).reward));
}

TEST_F(PartFilesTest, WhatCannotBeReadOfAPartIsPassedOver) {
    curve(0, "200,1\n");
    checkpoint(0, 250);
    begin(1);
    checkpoint(1, 500);
    for (std::string const broken :
         {"", "{", "[]", "{\"part\": 0}", "{\"part\": \"x\", \"counter\": 1}"}) {
        write(std::string("run_0.0-0.part1/") + continuation_file, broken);
        auto const found = find_continuation(files, key(2), {});
        ASSERT_TRUE(found.continuation) << broken;
        EXPECT_EQ(found.continuation->part, 0) << broken;
        EXPECT_EQ(steps_of_curve(1), Steps{}) << broken;
    }
}

TEST_F(PartFilesTest, APartThatClaimsToGoOnFromItselfMakesNoEndlessChain) {
    curve(1, "200,1\n");
    Continuation self;
    self.part = 1;
    self.base = {100, 100, 100, 0, true};
    write(std::string("run_0.0-0.part1/") + continuation_file, continuation_text(self));
    EXPECT_EQ(steps_of_curve(1), Steps{200});
}

TEST_F(PartFilesTest, LeftoversTellTheStepsOfAllParts) {
    curve(0, "200,1\n400,2\n");
    checkpoint(0, 250);
    begin(1);
    curve(1, "100,4\n");
    checkpoint(1, 250);
    JobPlan plan;
    AttemptRecord row;
    row.key = key(0);
    row.outcome = AttemptOutcome::interrupted;
    auto const found = find_leftovers(files, JobState(plan, {{row}, {}}));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].steps, 350);
    EXPECT_EQ(found[0].loaded_from, "run_0.0-0");
}

TEST_F(PartFilesTest, ContinuationsGoThroughTheirText) {
    Continuation const next{2, "saved/model_7.json", {3500, 3500, 500, 3000, true}, 700};
    EXPECT_EQ(parse_continuation(continuation_text(next)), next);
}

}  // namespace
}  // namespace reprise
