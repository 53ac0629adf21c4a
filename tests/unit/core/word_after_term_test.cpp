#include "reprise/core/word_after_term.hpp"

#include <gtest/gtest.h>

namespace reprise {
namespace {

struct Case {
    TermFacts facts;
    VerdictKind word;
};

constexpr auto silent = VerdictKind::terminated;
constexpr auto resume = VerdictKind::resume;
constexpr auto error = VerdictKind::failed;

// on_term, early reports, at the known end, what became of the job → the word
Case const cases[] = {
    {{OnTerm::automatic, false, false, JobFate::unknown}, silent},
    {{OnTerm::automatic, false, false, JobFate::running}, silent},
    {{OnTerm::automatic, false, false, JobFate::requeued}, silent},
    {{OnTerm::automatic, false, false, JobFate::cancelled}, error},
    {{OnTerm::automatic, false, false, JobFate::preempted}, error},
    {{OnTerm::automatic, false, false, JobFate::asked_to_make_way}, resume},
    {{OnTerm::automatic, false, false, JobFate::node_failed}, error},
    {{OnTerm::automatic, false, false, JobFate::timed_out}, resume},
    {{OnTerm::automatic, false, true, JobFate::unknown}, resume},
    // With early reports it may have been cluster_utils itself, that has written the job off.
    {{OnTerm::automatic, true, false, JobFate::unknown}, silent},
    {{OnTerm::automatic, true, false, JobFate::running}, silent},
    {{OnTerm::automatic, true, false, JobFate::requeued}, silent},
    {{OnTerm::automatic, true, false, JobFate::cancelled}, silent},
    {{OnTerm::automatic, true, false, JobFate::timed_out}, resume},
    {{OnTerm::automatic, true, true, JobFate::unknown}, resume},
    {{OnTerm::automatic, true, false, JobFate::preempted}, silent},
    {{OnTerm::automatic, true, false, JobFate::asked_to_make_way}, resume},
    {{OnTerm::automatic, true, false, JobFate::node_failed}, error},
    // What the site has decided holds whatever has happened.
    {{OnTerm::silent, false, false, JobFate::cancelled}, silent},
    {{OnTerm::silent, false, true, JobFate::timed_out}, silent},
    {{OnTerm::resume, false, false, JobFate::unknown}, resume},
    {{OnTerm::resume, true, false, JobFate::cancelled}, resume},
    {{OnTerm::error, false, false, JobFate::unknown}, error},
    {{OnTerm::error, true, true, JobFate::requeued}, error},
};

TEST(WordAfterTermTest, Table) {
    for (auto const& [facts, word] : cases) {
        SCOPED_TRACE(std::to_string(static_cast<int>(facts.on_term)) + " " +
                     std::to_string(facts.early_reports) + std::to_string(facts.at_known_end) +
                     " " + std::to_string(static_cast<int>(facts.fate)));
        auto const verdict = word_after_term(facts);
        EXPECT_EQ(verdict.kind, word);
        EXPECT_FALSE(verdict.reason.empty());
    }
}

TEST(WordAfterTermTest, TheBatchSystemIsAskedOnlyWhereItsAnswerCounts) {
    EXPECT_TRUE(must_ask_for_fate({OnTerm::automatic, false, false, {}}));
    EXPECT_TRUE(must_ask_for_fate({OnTerm::automatic, true, false, {}}));
    EXPECT_FALSE(must_ask_for_fate({OnTerm::automatic, false, true, {}}));
    for (auto const on_term : {OnTerm::silent, OnTerm::resume, OnTerm::error}) {
        EXPECT_FALSE(must_ask_for_fate({on_term, false, false, {}}));
    }
}

TEST(WordAfterTermTest, AnErrorSaysWhatBecameOfTheJobAndWhatToDo) {
    auto const text = word_after_term({OnTerm::automatic, false, false, JobFate::cancelled}).reason;
    EXPECT_NE(text.find("cancelled"), std::string::npos);
    EXPECT_NE(text.find("goes on"), std::string::npos);
}

}  // namespace
}  // namespace reprise
