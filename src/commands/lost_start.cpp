#include "reprise/commands/lost_start.hpp"

#include <filesystem>

#include "reprise/commands/curve_files.hpp"
#include "reprise/commands/log.hpp"
#include "reprise/core/error.hpp"
#include "reprise/core/job_state.hpp"
#include "reprise/results/results_store.hpp"
#include "reprise/system/file_lock.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

/// A start that rank 0 could not record.
StartRecord unrecorded_start(JobContext const& context, JobState const& state, double now) {
    StartRecord row;
    row.number = static_cast<int>(state.starts().size());
    row.outcome = StartOutcome::running;
    row.start = now;
    row.end = now;
    row.ranks = context.ranks;
    row.early_reports = state.early_reports();
    return row;
}

}  // namespace

Verdict record_lost_start(JobContext const& context, std::optional<int> start_recorded,
                          std::string const& how, double now_unix_s) {
    Verdict resume{VerdictKind::resume, {}, how, {}};
    try {
        // Whoever holds the lock now is the next start, and does all of this itself.
        auto const lock = FileLock::try_lock(context.working_dir + "/.reprise.lock");
        if (lock.outcome == LockAttempt::Outcome::held) return resume;
        create_directories(std::filesystem::path(context.results_path).parent_path().string());
        auto store = ResultsStore::create_or_open(context.results_path,
                                                  context.describe_sample(now_unix_s), {});
        JobState state(context.plan, store.load_history());
        if (state.finished() || state.failed()) return resume;  // the next start says it
        if (!start_recorded) {
            auto const row = unrecorded_start(context, state, now_unix_s);
            store.write(row);
            state.apply(row);
        }
        auto const leftovers = find_leftovers(context.attempt_files(), state);
        auto aftermath = assess_lost_start(state, leftovers);
        if (aftermath.give_up && aftermath.start) aftermath.start->outcome = StartOutcome::failed;
        if (!aftermath.attempts.empty()) store.append(aftermath.attempts);
        if (aftermath.start) store.write(*aftermath.start);
        store.close();
        if (!aftermath.give_up) return resume;
        return {VerdictKind::failed,
                {},
                "the last " + std::to_string(max_fruitless_starts) +
                    " starts of this job ended before any training made a step (" + how + ")",
                {}};
    } catch (Error const& e) {
        return {VerdictKind::failed, {}, how + "; then: " + e.what(), {}};
    }
}

}  // namespace reprise
