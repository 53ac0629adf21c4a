#include "reprise/core/word_after_term.hpp"

#include <utility>

namespace reprise {
namespace {

Verdict silence() { return {VerdictKind::terminated, {}, "ended by a signal", {}}; }

Verdict resume(std::string reason) { return {VerdictKind::resume, {}, std::move(reason), {}}; }

/// Nobody starts the job again, so a server would wait for ever.
Verdict ended_for_good(std::string const& how) {
    return {VerdictKind::failed,
            {},
            how + ". What is done is saved; the same command goes on from there",
            {}};
}

}  // namespace

bool must_ask_for_fate(TermFacts const& facts) {
    return facts.on_term == OnTerm::automatic && !facts.at_known_end;
}

Verdict word_after_term(TermFacts const& facts) {
    switch (facts.on_term) {
        case OnTerm::silent:
            return silence();
        case OnTerm::resume:
            return resume("ended by a signal (runner.on_term is 'resume')");
        case OnTerm::error:
            return ended_for_good("the job was ended by a signal (runner.on_term is 'error')");
        case OnTerm::automatic:
            break;
    }
    if (facts.at_known_end) return resume("the job's time is over");
    switch (facts.fate) {
        case JobFate::timed_out:
            return resume("the job's time is over");
        case JobFate::asked_to_make_way:
            return resume("the job is asked to make way for another one");
        case JobFate::cancelled:
            // With early reports it may have been the server itself, which has written the job off.
            return facts.early_reports ? silence() : ended_for_good("the job was cancelled");
        case JobFate::preempted:
            // A job that was cancelled while it was to make way looks the same.
            return facts.early_reports
                       ? silence()
                       : ended_for_good("the job was preempted and is not started again");
        case JobFate::node_failed:
            return ended_for_good("the job lost its node and is not started again");
        case JobFate::unknown:
        case JobFate::running:
        case JobFate::requeued:
            break;
    }
    return silence();
}

}  // namespace reprise
