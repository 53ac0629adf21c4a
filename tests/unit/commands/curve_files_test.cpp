#include "reprise/commands/curve_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "reprise/core/error.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

// ---- parse_directory_name ----------------------------------------------------------------------

TEST(ParseDirectoryNameTest, NamesOfRunDirectoriesAreUnderstood) {
    struct {
        char const* name;
        AttemptKey key;
    } const cases[] = {
        {"run_0.0-0", {0, 0, 0, 0}},         {"run_1.2-3", {1, 2, 3, 0}},
        {"run_12.34-56", {12, 34, 56, 0}},   {"run_1.2-3.part1", {1, 2, 3, 1}},
        {"run_1.2-3.part10", {1, 2, 3, 10}}, {"run_999999999.0-0", {999'999'999, 0, 0, 0}},
    };
    for (auto const& c : cases) EXPECT_EQ(parse_directory_name(c.name), c.key) << c.name;
}

TEST(ParseDirectoryNameTest, OtherNamesAreNot) {
    for (std::string const& name : {
             std::string(),
             std::string("run"),
             std::string("run_"),
             std::string("run_0"),
             std::string("run_0.0"),
             std::string("run_0.0-"),
             std::string("run_.0-0"),
             std::string("Run_0.0-0"),
             std::string(" run_0.0-0"),
             std::string("xrun_0.0-0"),
             std::string("run_0.0-0 "),
             std::string("run_0.0-0x"),
             std::string("run_ 0.0-0"),
             std::string("run_0.0-0.part"),
             std::string("run_0.0-0.part0"),
             std::string("run_0.0-0.part01"),
             std::string("run_0.0-0.part1x"),
             std::string("run_0.0-0.part-1"),
             std::string("run_0.0-0.part+1"),
             std::string("run_0.0-0.parts1"),
             std::string("run_0.0-0.old"),
             std::string("run_00.0-0"),
             std::string("run_0.01-0"),
             std::string("run_0.0-00"),
             std::string("run_+1.0-0"),
             std::string("run_-1.0-0"),
             std::string("run_0.-1-0"),
             std::string("run_0.0--1"),
             std::string("run_1000000000.0-0"),
             std::string("run_99999999999999999999.0-0"),
             std::string("run_0.0-0\0", 10),
             std::string("run_0.0-0.part1\0", 16),
             std::string("run_0x1.0-0"),
         }) {
        EXPECT_EQ(parse_directory_name(name), std::nullopt) << '"' << name << '"';
    }
}

TEST(ParseDirectoryNameTest, EveryKeyComesBackFromItsName) {
    for (int const run : {0, 1, 9, 10, 99'999}) {
        for (int const iteration : {0, 7, 100}) {
            for (int const attempt : {0, 2, 11}) {
                for (int const part : {0, 1, 9, 1000}) {
                    AttemptKey const key{run, iteration, attempt, part};
                    EXPECT_EQ(parse_directory_name(directory_name(key)), key)
                        << directory_name(key);
                }
            }
        }
    }
}

// ---- files -------------------------------------------------------------------------------------

/// A working directory and what is in it.
class CurveFilesTest : public testing::Test {
  protected:
    static constexpr char const* reward_file = "training_logs/progress.csv";

    void write(std::string const& name, std::string const& content = {}) {
        fs::create_directories(fs::path(folder / name).parent_path());
        std::ofstream(folder / name, std::ios::binary) << content;
    }
    void set_change_time(std::string const& name, long seconds) {
        timespec const times[] = {{seconds, 0}, {seconds, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (folder / name).c_str(), times, 0), 0) << name;
    }
    /// What an attempt leaves behind that is killed after `steps` steps; without config.json.
    void leave(std::string const& directory, int steps) {
        write(directory + "/" + reward_file,
              "time/total_timesteps,rollout/ep_rew_mean\n" + std::to_string(steps) + ",0.5\n");
    }
    [[nodiscard]] AttemptFiles files() const {
        return {folder.path(), reward_file, "rollout/ep_rew_mean", "", 0};
    }
    [[nodiscard]] std::vector<std::string> leftovers(JobState const& state) const {
        std::vector<std::string> names;
        for (auto const& found : find_leftovers(files(), state)) {
            names.push_back(directory_name(found.key));
        }
        return names;
    }

    test::PrivateFolder folder;
};

using Names = std::vector<std::string>;

JobPlan two_runs() {
    JobPlan plan;
    plan.learning_runs = 2;
    plan.accept = 2;
    plan.training_iterations = 2;
    return plan;
}

AttemptRecord row(AttemptKey const& key, AttemptOutcome outcome) {
    AttemptRecord record;
    record.key = key;
    record.outcome = outcome;
    record.reward = 0.5;
    return record;
}

TEST_F(CurveFilesTest, AttemptsWithoutARowAreFoundInOrder) {
    leave("run_1.0-0", 10);
    leave("run_0.0-0", 20);
    EXPECT_EQ(leftovers(JobState(two_runs())), (Names{"run_0.0-0", "run_1.0-0"}));
}

TEST_F(CurveFilesTest, WhatHasARowOrIsNoAttemptIsLeftOut) {
    JobState const state(two_runs(), {{row({0, 0, 0, 0}, AttemptOutcome::succeeded),
                                       row({1, 0, 0, 0}, AttemptOutcome::learner_failed),
                                       row({1, 0, 1, 0}, AttemptOutcome::interrupted)},
                                      {}});
    for (auto const* name :
         {"run_0.0-0", "run_0.1-0", "run_0.1-1", "run_1.0-0", "run_1.0-1", "run_1.0-1.part1",
          "run_1.0-1.part2", "run_1.1-1", "run_2.0-0", "run_-1.0-0", "run_x", "other"}) {
        leave(name, 10);
    }
    EXPECT_EQ(leftovers(state),
              (Names{"run_0.1-0", "run_0.1-1", "run_1.0-1.part1", "run_1.0-1.part2", "run_1.1-1"}))
        << "the attempts that are due, and later ones";
}

TEST_F(CurveFilesTest, LeftoverTellsItsStepsAndTimes) {
    leave("run_0.0-0", 4096);
    write("run_0.0-0/config.json");
    write("run_0.0-0/stdout.txt");
    set_change_time("run_0.0-0/config.json", 1'000);
    set_change_time("run_0.0-0/stdout.txt", 1'010);
    set_change_time(std::string("run_0.0-0/") + reward_file, 1'020);
    auto const found = find_leftovers(files(), JobState(two_runs()));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].steps, 4096);
    EXPECT_EQ(found[0].start, 1'000.0);
    EXPECT_EQ(found[0].end, 1'020.0);
}

TEST_F(CurveFilesTest, RowThatWasBeingWrittenWhenTheAttemptDiedMakesNoSteps) {
    write(std::string("run_0.0-0/") + reward_file, "time/total_timesteps\n100\n2");
    auto const found = find_leftovers(files(), JobState(two_runs()));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].steps, 100);
}

TEST_F(CurveFilesTest, EmptyDirectoryIsALeftoverWithTheTimeOfTheDirectory) {
    fs::create_directory(folder / "run_0.0-0");
    set_change_time("run_0.0-0", 2'000);
    auto const found = find_leftovers(files(), JobState(two_runs()));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].steps, 0);
    EXPECT_EQ(found[0].start, 2'000.0);
    EXPECT_EQ(found[0].end, 2'000.0);
}

TEST_F(CurveFilesTest, WorkingDirectoryThatCannotBeListedIsAnError) {
    auto missing = files();
    missing.working_dir += "/missing";
    EXPECT_THROW((void)find_leftovers(missing, JobState(two_runs())), Error);
}

}  // namespace
}  // namespace reprise
