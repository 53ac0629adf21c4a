#include "reprise/commands/server_voice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "reprise/commands/log.hpp"
#include "support/datagram_reader.hpp"

namespace reprise {
namespace {

using Said = std::vector<cluster::Message>;

/// Reads every datagram back, as the server does.
class RecordingLink final : public ServerLink {
  public:
    RecordingLink(Said& said, bool const& works) : said_(said), works_(works) {}
    bool send(std::span<std::byte const> datagram) override {
        said_.push_back(test::decode(datagram));
        return works_;
    }

  private:
    Said& said_;
    bool const& works_;
};

class ServerVoiceTest : public testing::Test {
  protected:
    void SetUp() override {
        set_up_log("test", LogLevel::info,
                   [this](LogLevel, std::string_view line) { log_lines.emplace_back(line); });
    }
    void TearDown() override {
        EXPECT_EQ(said, Said()) << "and nothing else was said";
        set_up_log("test", LogLevel::info);
    }
    Said take() { return std::exchange(said, {}); }

    static constexpr std::int64_t id = 42;
    Said said;
    bool link_works = true;
    std::vector<std::string> log_lines;
    ServerVoice voice{std::make_unique<RecordingLink>(said, link_works), id};
};

TEST_F(ServerVoiceTest, WhatHappensIsSaidAtOnceInItsOrder) {
    voice.started("node1");
    voice.progress(0.25);
    voice.early_report({{"mean_eprewmean", -0.5}});
    EXPECT_EQ(take(), (Said{cluster::JobStarted{id, "node1"}, cluster::Progress{id, 0.25},
                            cluster::EarlyReport{id, {{"mean_eprewmean", -0.5}}}}));
}

TEST_F(ServerVoiceTest, DoneIsResultsAndThenTheConclusion) {
    voice.last_word({VerdictKind::done, {{"mean_eprewmean", 0.5}, {"time_elapsed", 9.0}}, {}, {}});
    EXPECT_EQ(take(),
              (Said{cluster::ResultsSent{id, {{"mean_eprewmean", 0.5}, {"time_elapsed", 9.0}}},
                    cluster::JobConcluded{id}}));
}

TEST_F(ServerVoiceTest, FailedIsAnErrorAndNoConclusion) {
    voice.last_word({VerdictKind::failed,
                     {},
                     "learning run 0 failed 3 times",
                     {"last lines of stderr.txt", "Traceback", "ValueError: no"}});
    auto const all = take();
    ASSERT_EQ(all.size(), 1U);
    auto const& lines = std::get<cluster::ErrorEncountered>(all[0]).lines;
    ASSERT_GE(lines.size(), 4U);
    EXPECT_EQ(lines.back(), "learning run 0 failed 3 times\n");
    EXPECT_EQ(std::vector(lines.end() - 4, lines.end() - 1),
              (std::vector<std::string>{"  last lines of stderr.txt:\n", "    Traceback\n",
                                        "    ValueError: no\n"}));
}

TEST_F(ServerVoiceTest, FailedWithoutDetailsIsTheReasonAlone) {
    voice.last_word({VerdictKind::failed, {}, "no such file", {}});
    EXPECT_EQ(take(), (Said{cluster::ErrorEncountered{id, {"no such file\n"}}}));
}

TEST_F(ServerVoiceTest, ResumeIsExitForResumeAlone) {
    voice.last_word({VerdictKind::resume, {{"ignored", 1.0}}, "the time limit is near", {}});
    EXPECT_EQ(take(), (Said{cluster::ExitForResume{id}}));
}

TEST_F(ServerVoiceTest, TerminatedIsSilence) {
    voice.last_word({VerdictKind::terminated, {}, "ended by a signal", {}});
    EXPECT_EQ(take(), Said());
}

TEST_F(ServerVoiceTest, WhatCannotBeSentIsAWarningAndTheRestIsStillSaid) {
    link_works = false;
    voice.last_word({VerdictKind::done, {{"a", 1.0}}, {}, {}});
    EXPECT_EQ(take(), (Said{cluster::ResultsSent{id, {{"a", 1.0}}}, cluster::JobConcluded{id}}));
    ASSERT_EQ(log_lines.size(), 2U);
    EXPECT_NE(log_lines[0].find("JOB_SENT_RESULTS"), std::string::npos) << log_lines[0];
    EXPECT_NE(log_lines[1].find("JOB_CONCLUDED"), std::string::npos) << log_lines[1];
}

TEST_F(ServerVoiceTest, WithoutServerNothingIsSaid) {
    for (bool const by_arguments : {false, true}) {
        auto mute = by_arguments ? ServerVoice(JobArguments{}) : ServerVoice();
        EXPECT_TRUE(mute.mute());
        mute.started("node1");
        mute.progress(0.5);
        mute.last_word({VerdictKind::failed, {}, "reason", {}});
    }
    EXPECT_FALSE(voice.mute());
    EXPECT_TRUE(log_lines.empty());
}

}  // namespace
}  // namespace reprise
