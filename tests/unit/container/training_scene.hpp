/// @file Fixture: one training of scripted children under the real helper.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reprise/container/training_environment.hpp"
#include "reprise/container/training_process.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/process_tree.hpp"
#include "support/announcements.hpp"
#include "support/private_folder.hpp"

namespace reprise::test {

class TrainingScene : public ::testing::Test {
  protected:
    using How = TrainingEnd::How;
    using Words = std::vector<std::string>;

    TrainingScene() {
        spec_.helper = REPRISE_RUN_HELPER;
        spec_.inherited = own_environment();
        spec_.place.start_dir = folder_.path();
        spec_.place.working_dir = folder_.path();
        spec_.place.run_dir = folder_.path();
        spec_.stdout_path = folder_ / "stdout.txt";
        spec_.stderr_path = folder_ / "stderr.txt";
        spec_.stop_grace = std::chrono::seconds(20);
    }
    void SetUp() override { ASSERT_TRUE(become_subreaper()); }

    /// Whatever a case did, nothing of it may run when it has ended.
    void TearDown() override {
        training_.reset();
        EXPECT_TRUE(descendants().empty());
        EXPECT_TRUE(announcements_.all_end());
        for (auto const& line : seen_) EXPECT_FALSE(is_running(line.process)) << line.word;
    }

    /// A command that announces itself as `word`, then does the rest.
    Words command(std::string const& word, Words rest) {
        rest.insert(rest.begin(),
                    {REPRISE_SCRIPTED_CHILD, "announce", announcements_.path(), word});
        return rest;
    }
    void backend(Words const& rest) { spec_.backend = command("backend", rest); }
    void learner(Words const& rest) { spec_.learner = command("learner", rest); }

    void start() { training_ = TrainingProcess::start(spec_); }

    /// Waits until that many children have announced themselves; the process of the last one.
    ProcessId announced(std::size_t count) {
        auto const lines = announcements_.wait_for(count);
        EXPECT_EQ(lines.size(), count);
        seen_.insert(seen_.end(), lines.begin(), lines.end());
        return lines.empty() ? ProcessId{} : lines.back().process;
    }
    [[nodiscard]] ProcessId process_named(std::string const& word) const {
        for (auto const& line : seen_) {
            if (line.word == word) return line.process;
        }
        ADD_FAILURE() << word << " has not announced itself";
        return {};
    }

    TrainingEnd wait_for_end() {
        while (!training_->end()) {
            if (wait_readable(training_->poll_fds(), std::chrono::seconds(20)).empty()) {
                ADD_FAILURE() << "the training does not end";
                return {};
            }
            training_->on_readable();
        }
        return *training_->end();
    }
    TrainingEnd run() {
        start();
        return wait_for_end();
    }

    PrivateFolder folder_;
    Announcements announcements_;
    std::vector<Announcements::Line> seen_;
    TrainingSpec spec_;
    std::optional<TrainingProcess> training_;
};

}  // namespace reprise::test
