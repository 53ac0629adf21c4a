#include "reprise/commands/curve_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "reprise/protocol/utf8.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

/// Feeds a file to a reader piece by piece. False when there is no file to read.
bool feed_file(LearningCurveReader& reader, std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || is_directory(path)) return false;
    std::vector<char> piece(1U << 16U);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
        reader.feed({piece.data(), static_cast<std::size_t>(file.gcount())});
    }
    return true;
}

/// Last change of a file in seconds since the epoch; 0: there is none.
double changed_at(std::string const& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return 0.0;
    return static_cast<double>(info.st_mtim.tv_sec) +
           1e-9 * static_cast<double>(info.st_mtim.tv_nsec);
}

}  // namespace

CurveFacts read_curve_facts(std::string const& path, std::string const& column, FileEnd end) {
    LearningCurveReader reader(LearningCurveReader::Keep::last_values);
    CurveFacts facts;
    facts.file_found = feed_file(reader, path);
    reader.finish(end);
    facts.reward = reader.reward(column);
    // Without a counter of its own a training is known to have made steps by its rows.
    facts.steps = reader.total_steps().value_or(static_cast<std::int64_t>(reader.rows_read()));
    return facts;
}

std::optional<Curve> read_curve(std::string const& path) {
    LearningCurveReader reader;
    if (!feed_file(reader, path)) return std::nullopt;
    reader.finish(FileEnd::closed);
    auto read = reader.curve();
    if (read.columns.empty() || read.rows == 0) return std::nullopt;
    Curve curve;
    curve.rows = read.rows;
    curve.values = std::move(read.values);
    for (auto const& name : read.columns) curve.columns.push_back(to_valid_utf8(name));
    return curve;
}

std::optional<AttemptKey> parse_directory_name(std::string const& name) {
    AttemptKey key;
    int length = 0;
    int fields = std::sscanf(name.c_str(), "run_%9d.%9d-%9d%n", &key.learning_run, &key.iteration,
                             &key.attempt, &length);
    if (fields != 3) return std::nullopt;
    if (name.size() > static_cast<std::size_t>(length)) {
        (void)std::sscanf(name.c_str() + length, ".part%9d", &key.part);
    }
    // "%d" takes a sign too, and directory_name() would write it again.
    if (std::min({key.learning_run, key.iteration, key.attempt}) < 0) return std::nullopt;
    if (directory_name(key) != name) return std::nullopt;
    return key;
}

std::vector<LeftoverAttempt> find_leftovers(std::string const& working_dir, JobState const& state,
                                            std::string const& reward_file) {
    std::vector<LeftoverAttempt> leftovers;
    for (auto const& name : list_directory(working_dir)) {
        auto const key = parse_directory_name(name);
        if (!key || key->learning_run >= state.plan().learning_runs) continue;
        auto const due = state.next_attempt(key->learning_run);
        if (*key < due) continue;  // it has a row
        auto const dir = working_dir + "/" + name;
        LeftoverAttempt leftover;
        leftover.key = *key;
        leftover.steps = read_curve_facts(dir + "/" + reward_file, {}, FileEnd::torn).steps;
        leftover.start = changed_at(dir + "/config.json");
        if (leftover.start == 0.0) leftover.start = changed_at(dir);
        leftover.end = std::max({leftover.start, changed_at(dir + "/" + reward_file),
                                 changed_at(dir + "/stdout.txt"), changed_at(dir + "/stderr.txt")});
        leftovers.push_back(leftover);
    }
    return leftovers;
}

}  // namespace reprise
