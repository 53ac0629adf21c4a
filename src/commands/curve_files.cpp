#include "reprise/commands/curve_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "reprise/system/file_system.hpp"

namespace reprise {
namespace {

/// Last change of a file in seconds since the epoch; 0: there is none.
double changed_at(std::string const& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return 0.0;
    return static_cast<double>(info.st_mtim.tv_sec) +
           1e-9 * static_cast<double>(info.st_mtim.tv_nsec);
}

}  // namespace

bool feed_file(LearningCurveReader& reader, std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || is_directory(path)) return false;
    std::vector<char> piece(1U << 16U);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
        reader.feed({piece.data(), static_cast<std::size_t>(file.gcount())});
    }
    return true;
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

std::vector<LeftoverAttempt> find_leftovers(AttemptFiles const& files, JobState const& state) {
    std::vector<LeftoverAttempt> leftovers;
    for (auto const& name : list_directory(files.working_dir)) {
        auto const key = parse_directory_name(name);
        if (!key || key->learning_run >= state.plan().learning_runs) continue;
        auto const due = state.next_attempt(key->learning_run);
        if (*key < due) continue;  // it has a row
        auto const dir = files.run_dir(*key);
        LeftoverAttempt leftover;
        leftover.key = *key;
        leftover.steps =
            read_attempt_facts(files, *key, base_of(files, *key, {}), FileEnd::torn).steps;
        leftover.loaded_from = continued_directory(files, *key);
        leftover.start = changed_at(dir + "/config.json");
        if (leftover.start == 0.0) leftover.start = changed_at(dir);
        leftover.end = std::max({leftover.start, changed_at(dir + "/" + files.reward_file),
                                 changed_at(dir + "/stdout.txt"), changed_at(dir + "/stderr.txt")});
        leftovers.push_back(leftover);
    }
    return leftovers;
}

}  // namespace reprise
