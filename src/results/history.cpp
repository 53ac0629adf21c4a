#include "history.hpp"

namespace reprise::results {

void read_attempts(Generation const& generation, std::string const& path,
                   std::function<void(AttemptRecord const&)> const& visit) {
    scan_attempts({generation.file, path, generation.attempts},
                  [&](std::span<std::byte const> row) { visit(decode_attempt(row)); });
}

std::vector<StartRecord> read_starts(Generation const& generation, std::string const& path) {
    std::vector<StartRecord> starts;
    for (auto const& start : scan_starts({generation.file, path, generation.starts}).starts)
        starts.push_back(start.row.record);
    return starts;
}

History read_history(Generation const& generation, std::string const& path) {
    History history;
    read_attempts(generation, path,
                  [&](AttemptRecord const& record) { history.attempts.push_back(record); });
    history.starts = read_starts(generation, path);
    return history;
}

}  // namespace reprise::results
