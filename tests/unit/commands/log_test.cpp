#include "reprise/commands/log.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <utility>
#include <vector>

#include "reprise/core/error.hpp"

namespace reprise {
namespace {

/// Collects the lines that come out.
class LogTest : public testing::Test {
  protected:
    void log_from(LogLevel least) {
        set_up_log("rank 0", least, [this](LogLevel level, std::string_view line) {
            lines.emplace_back(level, line);
        });
    }
    void TearDown() override { set_up_log("test", LogLevel::info); }

    /// The only line, from its level on; before it there must be a time.
    [[nodiscard]] std::string line_after_time() const {
        if (lines.size() != 1) return std::to_string(lines.size()) + " lines";
        std::smatch parts;
        std::regex const form(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ([^]*))");
        if (!std::regex_match(lines[0].second, parts, form)) return "no time: " + lines[0].second;
        return parts[1];
    }

    std::vector<std::pair<LogLevel, std::string>> lines;
};

TEST_F(LogTest, LineSaysWhenHowBadWhoAndWhat) {
    log_from(LogLevel::info);
    log_info("starts");
    EXPECT_EQ(line_after_time(), "info rank 0: starts");
}

TEST_F(LogTest, LineMayBeAboutSomebodyElse) {
    log_from(LogLevel::info);
    log(LogLevel::warning, "is slow", "rank 2");
    EXPECT_EQ(line_after_time(), "warning rank 2: is slow");
}

TEST_F(LogTest, EveryLevelKeepsItsNameAndReachesTheOutput) {
    log_from(LogLevel::debug);
    for (std::string const name : {"debug", "info", "warning", "error"}) {
        lines.clear();
        log(log_level_of(name), "x");
        EXPECT_EQ(line_after_time(), name + " rank 0: x");
        EXPECT_EQ(lines.at(0).first, log_level_of(name));
    }
}

TEST_F(LogTest, LowerLevelsAreLeftOut) {
    log_from(LogLevel::warning);
    log(LogLevel::debug, "a");
    log_info("b");
    EXPECT_TRUE(lines.empty());
    log_warning("c");
    log_error("d");
    EXPECT_EQ(lines.size(), 2U);
}

TEST_F(LogTest, OneEventIsOneLine) {
    log_from(LogLevel::info);
    log_error("cannot read\nno such file\r\nend\n");
    EXPECT_EQ(line_after_time(), "error rank 0: cannot read | no such file | end | ");
}

TEST_F(LogTest, TextIsNoFormat) {
    log_from(LogLevel::info);
    log_info("{'a': {}} %l %v {0}");
    EXPECT_EQ(line_after_time(), "info rank 0: {'a': {}} %l %v {0}");
}

TEST_F(LogTest, BytesThatAreNoUtf8Pass) {
    log_from(LogLevel::info);
    log_info("\xff\xfe");
    EXPECT_EQ(line_after_time(), "info rank 0: \xff\xfe");
}

TEST(PrintLogLineTest, WarningsAndErrorsGoToStderrTheRestToStdout) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    print_log_line(LogLevel::debug, "a");
    print_log_line(LogLevel::info, "b");
    print_log_line(LogLevel::warning, "c");
    print_log_line(LogLevel::error, "d");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "a\nb\n");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "c\nd\n");
}

TEST(LogLevelOfTest, UnknownNameIsRefusedAndNamed) {
    for (std::string const name : {"", "Info", "warn", "trace"}) {
        try {
            (void)log_level_of(name);
            FAIL() << name;
        } catch (InputError const& e) {
            EXPECT_EQ(e.what(), "--log-level '" + name +
                                    "' is not known. Give one of debug, info, warning, error.");
        }
    }
}

}  // namespace
}  // namespace reprise
