#include "reprise/core/attempt.hpp"

namespace reprise {

std::string directory_name(AttemptKey const& key) {
    auto name = "run_" + std::to_string(key.learning_run) + "." + std::to_string(key.iteration) +
                "-" + std::to_string(key.attempt);
    if (key.part > 0) name += ".part" + std::to_string(key.part);
    return name;
}

char const* name_of(AttemptOutcome outcome) noexcept {
    switch (outcome) {
        case AttemptOutcome::none:
            return "none";
        case AttemptOutcome::succeeded:
            return "succeeded";
        case AttemptOutcome::learner_failed:
            return "learner_failed";
        case AttemptOutcome::backend_died:
            return "backend_died";
        case AttemptOutcome::no_reward:
            return "no_reward";
        case AttemptOutcome::reward_not_finite:
            return "reward_not_finite";
        case AttemptOutcome::not_started:
            return "not_started";
        case AttemptOutcome::interrupted:
            return "interrupted";
        case AttemptOutcome::lost:
            return "lost";
        case AttemptOutcome::time_limit_exceeded:
            return "time_limit_exceeded";
        case AttemptOutcome::stalled:
            return "stalled";
        case AttemptOutcome::out_of_memory:
            return "out_of_memory";
    }
    return "unknown";
}

bool counts_as_failure(AttemptOutcome outcome) noexcept {
    switch (outcome) {
        case AttemptOutcome::learner_failed:
        case AttemptOutcome::backend_died:
        case AttemptOutcome::no_reward:
        case AttemptOutcome::reward_not_finite:
        case AttemptOutcome::not_started:
        case AttemptOutcome::time_limit_exceeded:
        case AttemptOutcome::stalled:
        case AttemptOutcome::out_of_memory:
            return true;
        case AttemptOutcome::none:
        case AttemptOutcome::succeeded:
        case AttemptOutcome::interrupted:
        case AttemptOutcome::lost:
            return false;
    }
    return false;
}

char const* name_of(StartOutcome outcome) noexcept {
    switch (outcome) {
        case StartOutcome::none:
            return "none";
        case StartOutcome::running:
            return "running";
        case StartOutcome::finished:
            return "finished";
        case StartOutcome::failed:
            return "failed";
        case StartOutcome::resume:
            return "resume";
        case StartOutcome::terminated:
            return "terminated";
        case StartOutcome::lost:
            return "lost";
    }
    return "unknown";
}

}  // namespace reprise
