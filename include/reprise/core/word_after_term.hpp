/// @file What is said when somebody has ended the job by TERM, INT or HUP. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reprise/core/verdict.hpp"

namespace reprise {

/// What TERM means (`runner.on_term`).
enum class OnTerm : std::uint8_t { automatic, silent, resume, error };

/// What became of the job, by the batch system.
enum class JobFate : std::uint8_t {
    unknown,            ///< nobody could be asked, or it was not understood
    running,            ///< the signal came from somebody else
    cancelled,          ///< or ended by its script, for good
    preempted,          ///< for good
    asked_to_make_way,  ///< it will be preempted; leaving before that ends it for good
    requeued,           ///< the batch system starts it again by itself
    timed_out,          ///< its time limit was reached
    node_failed,        ///< for good
};

struct TermFacts {
    OnTerm on_term = OnTerm::automatic;
    bool early_reports = false;  ///< cluster_utils may have ended the job for them
    bool at_known_end = false;   ///< the signal came when the job's time was over
    JobFate fate = JobFate::unknown;
};

/// Whether the answer depends on what became of the job, so that the batch system must be asked.
[[nodiscard]] bool must_ask_for_fate(TermFacts const& facts);

/// terminated (no word), resume, or failed (with the reason).
[[nodiscard]] Verdict word_after_term(TermFacts const& facts);

}  // namespace reprise
