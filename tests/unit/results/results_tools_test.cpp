// The file as other programs see it: HDF5's own library, h5dump.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "plain_hdf5.hpp"
#include "reprise/results/results_reader.hpp"
#include "reprise/results/results_store.hpp"
#include "support/sample_results.hpp"

namespace reprise {
namespace {

struct Output {
    std::string text;
    int status = -1;
};

Output h5dump(std::string const& arguments) {
    auto const command = std::string(REPRISE_H5DUMP) + " " + arguments + " 2>&1";
    Output output;
    auto* pipe = ::popen(command.c_str(), "r");
    std::array<char, 4096> buffer{};
    while (auto const got = std::fread(buffer.data(), 1, buffer.size(), pipe))
        output.text.append(buffer.data(), got);
    output.status = ::pclose(pipe);
    return output;
}

std::vector<std::string> columns_of(std::filesystem::path const& path, char const* table) {
    auto const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    auto const dataset = H5Dopen2(file, table, H5P_DEFAULT);
    auto const type = H5Dget_type(dataset);
    std::vector<std::string> names;
    for (int i = 0; i < H5Tget_nmembers(type); ++i) {
        auto* const name = H5Tget_member_name(type, static_cast<unsigned>(i));
        names.emplace_back(name);
        H5free_memory(name);
    }
    H5Tclose(type);
    H5Dclose(dataset);
    H5Fclose(file);
    return names;
}

class ResultsToolsTest : public testing::Test {
  protected:
    test::ResultsFolder folder;
    std::filesystem::path path = folder / "results.h5";
    ResultsStore store = ResultsStore::create_or_open(path, test::example_sample(), {20, 8});
};

TEST_F(ResultsToolsTest, ColumnsAreThoseOfTheFormatPage) {
    EXPECT_EQ(columns_of(path, "attempts"),
              (std::vector<std::string>{"confirmed",      "learning_run", "iteration",    "attempt",
                                        "part",           "outcome",      "exit_code",    "signal",
                                        "reward",         "seed",         "start",        "end",
                                        "host",           "cores",        "gpus",         "cpu_s",
                                        "peak_memory_mb", "steps",        "start_number", "rank",
                                        "loaded_from",    "message",      "crc"}));
    EXPECT_EQ(
        columns_of(path, "starts"),
        (std::vector<std::string>{"confirmed", "number", "revision", "outcome", "start", "end",
                                  "ranks", "early_reports", "trained", "host", "crc"}));
}

TEST_F(ResultsToolsTest, RowsOfAFileInUseAreSeenByPlainHdf5) {
    store.append(test::example_attempts(0, 4));
    std::vector<unsigned char> expected{1, 1, 1, 2};
    expected.resize(20, 0);
    EXPECT_EQ(test::outcomes_by_plain_hdf5(path, "attempts"), expected);
}

TEST_F(ResultsToolsTest, H5dumpReadsAFileInUseAndOneAtRest) {
    test::record_example(store);
    for (int round = 0; round < 2; ++round) {
        auto const output = h5dump(path.string());
        EXPECT_EQ(output.status, 0) << output.text;
        for (auto const* text :
             {"learner_failed", "exit code 7 (ValueError", "hysr_one_ball_rl config.json", "TRUE"})
            EXPECT_NE(output.text.find(text), std::string::npos) << text;
        EXPECT_NE(output.text.find(round == 0 ? "recording" : "at rest"), std::string::npos);
        store.seal(test::example_curve_source);
    }
    auto const output = h5dump("-d /curves/run_1.0-1 " + path.string());
    EXPECT_NE(output.text.find("rollout/ep_rew_mean"), std::string::npos) << output.text;
}

TEST_F(ResultsToolsTest, LockOfAnotherProgramStopsNothing) {
    auto const fd = posix_files().open(path.string(), O_RDWR);
    ASSERT_EQ(::flock(fd, LOCK_EX), 0);
    ASSERT_EQ(::setenv("HDF5_USE_FILE_LOCKING", "TRUE", 1), 0);
    store.append(test::example_attempts(0, 30));
    EXPECT_EQ(ResultsReader::open(path).load_history().attempts.size(), 30U);
    store.seal({});
    ::unsetenv("HDF5_USE_FILE_LOCKING");
    ::close(fd);
}

TEST_F(ResultsToolsTest, NothingOfHdf5StaysOpen) {
    test::record_example(store);
    store.seal(test::example_curve_source);
    {
        auto const reader = ResultsReader::open(path);
        for (auto const& key : reader.curves()) EXPECT_TRUE(reader.curve(key));
    }
    EXPECT_EQ(H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL), 0);
}

}  // namespace
}  // namespace reprise
