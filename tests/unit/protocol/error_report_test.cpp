#include "reprise/protocol/error_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "reprise/core/contract.hpp"
#include "reprise/protocol/utf8.hpp"

namespace reprise {
namespace {

using Lines = std::vector<std::string>;

std::string joined(Lines const& lines) {
    return std::accumulate(lines.begin(), lines.end(), std::string());
}

std::size_t cost_of(Lines const& lines) {
    return joined(lines).size() + lines.size() * report_line_overhead;
}

TEST(ErrorReportTest, ShowsWhatHappenedAndEndsWithTheReason) {
    Failure const failure{"learning run 0 failed 3 times (max_attempts). Look at its stderr.txt.",
                          {{"last lines of run_0.0-2/stderr.txt",
                            {"Traceback (most recent call last):\n", "ValueError: no\n"}},
                           {"last lines of run_0.0-2/stdout.txt", {}}}};
    EXPECT_EQ(error_report(failure),
              (Lines{"Reprise could not go on (what happened first, the reason last):\n",
                     "  last lines of run_0.0-2/stderr.txt:\n",
                     "    Traceback (most recent call last):\n", "    ValueError: no\n",
                     "  last lines of run_0.0-2/stdout.txt:\n", "    (nothing)\n",
                     "learning run 0 failed 3 times (max_attempts). Look at its stderr.txt.\n"}));
}

TEST(ErrorReportTest, WithoutEvidenceItIsTheReasonAlone) {
    EXPECT_EQ(error_report({"no such file", {}}), (Lines{"no such file\n"}));
}

TEST(ErrorReportTest, TheReasonIsOneLine) {
    EXPECT_EQ(error_report({"a\nb\r\nc", {}}).back(), "a b  c\n");
}

TEST(ErrorReportTest, EvidenceIsTidiedButNotShortened) {
    Lines const raw = {"\n",  " \n", "a\r\nb", "\n", "10%\r100%\n", "\x1b[31mc\x1b[0m\xff\n",
                       "\n\n"};
    Lines const report = error_report({"title", {{"out", raw}}});
    EXPECT_EQ(Lines(report.begin() + 2, report.end() - 1),
              (Lines{"    a\n", "    b\n", "    \n", "    100%\n", "    c\xef\xbf\xbd\n"}));
}

TEST(CutToFitTest, WhatFitsStaysAsItIs) {
    Lines const lines = {"a\n", "", "several\nlines\n", std::string(10'000, 'x')};
    EXPECT_EQ(cut_to_fit(lines, min_report_bytes), lines);
    EXPECT_EQ(cut_to_fit({}, min_report_bytes), Lines());
}

TEST(CutToFitTest, TheLastByteThatFitsIsKept) {
    Lines const fits = {std::string(min_report_bytes - report_line_overhead, 'x')};
    EXPECT_EQ(cut_to_fit(fits, min_report_bytes), fits);
    Lines const too_long = {std::string(min_report_bytes - report_line_overhead + 1, 'x')};
    EXPECT_NE(cut_to_fit(too_long, min_report_bytes), too_long);
}

TEST(CutToFitTest, TheMiddleGoesAndALineSaysHowMuch) {
    Lines lines;
    for (int i = 0; i < 5'000; ++i) {
        lines.push_back("line " + std::to_string(1'000'000 + i) + "\n");
    }
    Lines const cut = cut_to_fit(lines, min_report_bytes);
    EXPECT_LE(cost_of(cut), min_report_bytes);
    EXPECT_GE(cost_of(cut), min_report_bytes - 200);  // no more is lost than must be
    auto const note = std::find_if(cut.begin(), cut.end(),
                                   [](auto const& line) { return line.starts_with("[... "); });
    ASSERT_NE(note, cut.end());
    auto const head = note - cut.begin();
    auto const tail = cut.end() - note - 1;
    EXPECT_GT(tail, 2 * head);
    EXPECT_TRUE(std::equal(cut.begin(), note, lines.begin()));
    EXPECT_TRUE(std::equal(note + 1, cut.end(), lines.end() - tail));
    auto const gone = static_cast<long>(lines.size()) - head - tail;
    EXPECT_EQ(*note, "[... " + std::to_string(gone) + " lines, " + std::to_string(13 * gone) +
                         " bytes left out ...]\n");
}

TEST(CutToFitTest, ALongLineLosesItsMiddleBeforeLinesGo) {
    std::string const wide = "begin" + std::string(100'000, 'x') + "end\n";
    Lines const cut = cut_to_fit({"first\n", wide, "last\n"}, min_report_bytes);
    ASSERT_EQ(cut.size(), 3U);
    EXPECT_EQ(cut.front(), "first\n");
    EXPECT_EQ(cut.back(), "last\n");
    EXPECT_LE(cut[1].size(), max_cut_line_bytes);
    EXPECT_TRUE(cut[1].starts_with("beginxxx"));
    EXPECT_TRUE(cut[1].ends_with("xxxend\n"));
    EXPECT_NE(cut[1].find(" bytes left out ...] "), std::string::npos);
}

TEST(CutToFitTest, AStringOfManyLinesIsCutAtItsLineEnds) {
    std::string text;
    for (int i = 0; i < 5'000; ++i) {
        text += "0123456789\n";
    }
    for (std::string const& line : cut_to_fit({text}, min_report_bytes)) {
        EXPECT_TRUE(line == "0123456789\n" || line.starts_with("[... ")) << line;
    }
}

TEST(CutToFitTest, StaysValidUtf8WhereverItCuts) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::string line(shift, 'x');
        while (line.size() < 50'000) {
            line += "\U0001f9be";
        }
        std::string const cut = joined(cut_to_fit({line}, min_report_bytes));
        EXPECT_EQ(to_valid_utf8(cut), cut);
    }
}

TEST(CutToFitTest, EveryTextFitsAfterwards) {
    for (std::size_t const lines : {1UL, 10UL, 1'000UL, 50'000UL}) {
        for (std::size_t const width : {0UL, 1UL, 100UL, 2'047UL, 2'048UL, 2'049UL, 20'000UL}) {
            if (lines * width > 2'000'000) {
                continue;
            }
            Lines const text(lines, std::string(width, '\xff') + "\n");
            EXPECT_LE(cost_of(cut_to_fit(text, min_report_bytes)), min_report_bytes)
                << lines << " lines of " << width;
        }
    }
}

TEST(CutToFitTest, AskingForTooLittleIsABug) {
    EXPECT_THROW((void)cut_to_fit({}, min_report_bytes - 1), ContractViolation);
}

}  // namespace
}  // namespace reprise
