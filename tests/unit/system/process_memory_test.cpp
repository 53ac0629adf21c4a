#include "reprise/system/process_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "reprise/system/child_process.hpp"
#include "reprise/system/fd.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

class ProcessMemoryTest : public ::testing::Test {
  protected:
    void process(int pid, std::string const& file, std::string const& text) {
        std::filesystem::create_directories(proc_ / std::to_string(pid));
        std::ofstream(proc_ / (std::to_string(pid) + "/" + file)) << text;
    }

    test::PrivateFolder proc_;
};

TEST_F(ProcessMemoryTest, SharesAreAddedUp) {
    process(3, "smaps_rollup",
            "55-7f ---p 00000000 00:00 0   [rollup]\nRss:   9000 kB\nPss:   2048 kB\n"
            "Pss_Anon:  7 kB\n");
    process(4, "smaps_rollup", "Rss: 9000 kB\nPss: 1024 kB\n");
    std::vector<ProcessId> const processes{{3, 0}, {4, 0}};
    EXPECT_DOUBLE_EQ(memory_used_mb(processes, proc_.path()), 3.0);
}

TEST_F(ProcessMemoryTest, TheResidentSetStandsInForWhatMayNotBeSeen) {
    process(3, "status", "Name:\tx\nVmHWM:\t  9999 kB\nVmRSS:\t  5120 kB\n");
    process(4, "smaps_rollup", "Pss: 1024 kB\n");
    process(4, "status", "VmRSS: 5120 kB\n");
    std::vector<ProcessId> const processes{{3, 0}, {4, 0}};
    EXPECT_DOUBLE_EQ(memory_used_mb(processes, proc_.path()), 6.0);
}

TEST_F(ProcessMemoryTest, ProcessesThatHaveEndedCountNothing) {
    std::vector<ProcessId> const processes{{3, 0}};
    EXPECT_DOUBLE_EQ(memory_used_mb(processes, proc_.path()), 0.0);
}

TEST_F(ProcessMemoryTest, TheKernelTellsWhatAChildUses) {
    auto pipe = make_pipe();
    ProcessSpec spec;
    spec.argv = {REPRISE_SCRIPTED_CHILD, "allocate", "50", "print", "done", "stay"};
    spec.stdout_fd = pipe.write_end.get();
    auto const child = spawn(spec);
    char buffer[16];
    ASSERT_GT(::read(pipe.read_end.get(), buffer, sizeof buffer), 0);
    std::vector<ProcessId> const processes{*identify(child.pid())};
    EXPECT_NEAR(memory_used_mb(processes), 50.0, 8.0);
}

}  // namespace
}  // namespace reprise
