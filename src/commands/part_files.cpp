#include "reprise/commands/part_files.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reprise/commands/curve_files.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/utf8.hpp"
#include "reprise/system/archive.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_continuation_bytes = 65536;

/// What can be read of a part's own beginning; nothing when its file is there but cannot be read.
struct Beginning {
    std::optional<Continuation> continuation;  ///< nothing: it began with its iteration
};

std::optional<Beginning> beginning_of(std::string const& run_dir) {
    auto const path = run_dir + "/" + continuation_file;
    try {
        auto continuation = parse_continuation(read_file(path, max_continuation_bytes));
        if (!continuation) return std::nullopt;
        return Beginning{std::move(continuation)};
    } catch (Error const& e) {
        if (e.kind() == Error::Kind::not_found) return Beginning{};
        return std::nullopt;
    }
}

std::vector<CheckpointFile> list_checkpoints(AttemptFiles const& files,
                                             std::string const& run_dir) {
    std::vector<CheckpointFile> found;
    auto const pattern = CheckpointPattern::parse(files.checkpoints);
    if (!pattern) return found;
    auto const folder = pattern->folder.empty() ? run_dir : run_dir + "/" + pattern->folder;
    if (!is_directory(folder)) return found;
    try {
        for (auto const& name : list_directory(folder)) {
            auto const steps = pattern->steps_of(name);
            if (steps) found.push_back({pattern->path_of(name), *steps});
        }
    } catch (Error const&) {  // gone meanwhile, or not for us to read: then there are none
    }
    return found;
}

void add_rows(CounterTrace& trace, LearningCurveReader const& reader) {
    auto const steps = reader.first_steps();
    if (!steps.empty()) trace.first_row = steps[0];
    if (steps.size() > 1) trace.second_row = steps[1];
}

/// A part's reward file, read; and where its counter begins.
struct ReadPart {
    LearningCurveReader reader;
    bool file_found = false;
    CounterTrace trace;
};

ReadPart read_part(AttemptFiles const& files, std::string const& run_dir,
                   LearningCurveReader::Keep keep, FileEnd end) {
    ReadPart part{LearningCurveReader(keep), false, {}};
    part.file_found = feed_file(part.reader, run_dir + "/" + files.reward_file);
    part.reader.finish(end);
    add_rows(part.trace, part.reader);
    add_checkpoints(part.trace, list_checkpoints(files, run_dir));
    return part;
}

/// This part, the one that it goes on from, and so on.
struct Link {
    AttemptKey key;
    std::optional<Continuation> continuation;
};

std::vector<Link> chain_of(AttemptFiles const& files, AttemptKey key) {
    std::vector<Link> chain;
    while (true) {
        auto const beginning = beginning_of(files.run_dir(key));
        auto const continuation = beginning ? beginning->continuation : std::nullopt;
        chain.push_back({key, continuation});
        if (!continuation || continuation->part >= key.part) return chain;
        key.part = continuation->part;
    }
}

bool says_something(RewardReading const& reading) {
    return std::holds_alternative<RewardValue>(reading) ||
           std::holds_alternative<RewardNotFinite>(reading);
}

}  // namespace

std::string continuation_text(Continuation const& continuation) {
    Json const text = {{"part", continuation.part},
                       {"checkpoint", to_valid_utf8(continuation.checkpoint)},
                       {"counter", continuation.base.counter},
                       {"done", continuation.base.done},
                       {"began", continuation.base.began},
                       {"left", continuation.left}};
    return text.dump(4) + "\n";
}

std::optional<Continuation> parse_continuation(std::string const& text) {
    try {
        auto const values = Json::parse(text);
        Continuation continuation;
        continuation.part = values.at("part").get<int>();
        continuation.checkpoint = values.at("checkpoint").get<std::string>();
        continuation.base.counter = values.at("counter").get<std::int64_t>();
        continuation.base.done = values.at("done").get<std::int64_t>();
        continuation.base.began = values.at("began").get<std::int64_t>();
        continuation.base.expected = continuation.base.counter;
        continuation.base.goes_on = true;
        continuation.left = values.at("left").get<std::int64_t>();
        bool const fits = continuation.part >= 0 && continuation.base.counter >= 0;
        return fits ? std::optional(continuation) : std::nullopt;
    } catch (Json::exception const&) {
        return std::nullopt;
    }
}

FoundContinuation find_continuation(AttemptFiles const& files, AttemptKey const& key,
                                    TrainingBase const& base) {
    REPRISE_EXPECT(key.part > 0);
    std::vector<PartFiles> parts;
    auto earlier = key;
    for (earlier.part = 0; earlier.part < key.part; ++earlier.part) {
        auto const run_dir = files.run_dir(earlier);
        auto const beginning = beginning_of(run_dir);
        if (!beginning) continue;  // torn before its training began
        PartFiles part;
        part.checkpoints = list_checkpoints(files, run_dir);
        if (part.checkpoints.empty()) continue;
        part.part = earlier.part;
        part.base = beginning->continuation ? beginning->continuation->base : base;
        part.trace =
            read_part(files, run_dir, LearningCurveReader::Keep::last_values, FileEnd::torn).trace;
        parts.push_back(std::move(part));
    }
    FoundContinuation found;
    for (auto& candidate : rank_checkpoints(parts, files.steps_in_full)) {
        earlier.part = candidate.part;
        auto const path = files.run_dir(earlier) + "/" + candidate.checkpoint;
        if (is_complete_model(path)) {
            found.continuation = std::move(candidate);
            return found;
        }
        found.torn.push_back(path);
    }
    return found;
}

CurveFacts read_attempt_facts(AttemptFiles const& files, AttemptKey const& key,
                              TrainingBase const& base, FileEnd end) {
    using Keep = LearningCurveReader::Keep;
    auto const part = read_part(files, files.run_dir(key), Keep::last_values, end);
    CurveFacts facts;
    facts.file_found = part.file_found;
    facts.reward = part.reader.reward(files.reward_column);
    if (auto const counter = part.reader.total_steps()) {
        StepScale const scale(base, part.trace, files.steps_in_full);
        facts.steps = scale.attempt_counter(*counter);
        facts.done = scale.done(*counter);
    } else {
        // Without a counter of its own a training is known to have made steps by its rows.
        facts.steps = static_cast<std::int64_t>(part.reader.rows_read());
        facts.done = base.done + facts.steps;
    }
    if (!base.goes_on || says_something(facts.reward)) return facts;
    // What was left was too little for a row with a reward: the parts before have one.
    auto const chain = chain_of(files, key);
    for (std::size_t i = 1; i < chain.size(); ++i) {
        auto const before =
            read_part(files, files.run_dir(chain[i].key), Keep::last_values, FileEnd::torn);
        auto reward = before.reader.reward(files.reward_column);
        if (!says_something(reward)) continue;
        facts.file_found = true;
        facts.reward = std::move(reward);
        break;
    }
    return facts;
}

bool counts_steps(AttemptFiles const& files, AttemptKey const& key) {
    LearningCurveReader reader(LearningCurveReader::Keep::last_values);
    bool const found = feed_file(reader, files.run_dir(key) + "/" + files.reward_file);
    reader.finish(FileEnd::torn);
    return found && reader.total_steps().has_value();
}

std::string continued_directory(AttemptFiles const& files, AttemptKey const& key) {
    auto const beginning = beginning_of(files.run_dir(key));
    if (!beginning || !beginning->continuation) return {};
    auto earlier = key;
    earlier.part = beginning->continuation->part;
    return directory_name(earlier);
}

TrainingBase base_of(AttemptFiles const& files, AttemptKey const& key,
                     TrainingBase const& otherwise) {
    auto const beginning = beginning_of(files.run_dir(key));
    return beginning && beginning->continuation ? beginning->continuation->base : otherwise;
}

std::optional<Curve> read_attempt_curve(AttemptFiles const& files, AttemptKey const& key) {
    auto const chain = chain_of(files, key);
    std::vector<CurvePart> parts(chain.size());  // the first one first
    for (std::size_t i = 0; i < chain.size(); ++i) {
        auto const& link = chain[i];
        auto& part = parts[chain.size() - 1 - i];
        auto const end = i == 0 ? FileEnd::closed : FileEnd::torn;
        auto const read =
            read_part(files, files.run_dir(link.key), LearningCurveReader::Keep::curve, end);
        part.curve = read.reader.curve();
        auto const base = link.continuation ? link.continuation->base : TrainingBase{};
        part.shift = StepScale(base, read.trace, files.steps_in_full).shift();
        if (i > 0) {
            auto const& next = chain[i - 1].continuation->base;
            part.end = next.began + next.done;
        }
    }
    auto joined = join_parts(parts);
    if (joined.columns.empty() || joined.rows == 0) return std::nullopt;
    Curve curve;
    curve.rows = joined.rows;
    curve.values = std::move(joined.values);
    for (auto const& name : joined.columns) curve.columns.push_back(to_valid_utf8(name));
    return curve;
}

}  // namespace reprise
