#include "tables.hpp"

#include <algorithm>
#include <optional>

namespace reprise::results {
namespace {

using Row = std::span<std::byte const>;

/// Visits all rows, many at a time; stops when `visit` returns false.
void for_each_row(TableView const& view, std::function<bool(std::size_t, Row)> const& visit) {
    auto const size = view.table.row_size;
    auto const rows_at_once = chunk_size / size;
    std::vector<std::byte> buffer(std::min(rows_at_once, view.table.capacity()) * size);
    for (std::size_t first = 0; first < view.table.capacity(); first += rows_at_once) {
        auto const count = std::min(rows_at_once, view.table.capacity() - first);
        read_exactly(view.file, std::span(buffer).first(count * size), view.table.offset_of(first),
                     view.path);
        for (std::size_t i = 0; i < count; ++i)
            if (!visit(first + i, Row(buffer).subspan(i * size, size))) return;
    }
}

/// A damaged row is read again a few times: another process may just be writing it, and such a
/// write is over within microseconds.
std::vector<std::byte> read_again(TableView const& view, std::size_t index) {
    std::vector<std::byte> row(view.table.row_size);
    for (int attempt = 0; attempt < 10; ++attempt) {
        read_exactly(view.file, row, view.table.offset_of(index), view.path);
        if (state_of(row) != RowState::damaged) break;
    }
    return row;
}

Error damaged_row(TableView const& view, char const* table, std::size_t index) {
    return corrupt_file(view.path,
                        "row " + std::to_string(index) + " of its table " + table + " is damaged");
}

/// Later versions of the same format may add outcomes.
Error unknown_outcome(TableView const& view, char const* table, std::size_t index, int outcome) {
    return {Error::Kind::mismatch, "read results file", view.path,
            "row " + std::to_string(index) + " of its table " + table + " has outcome " +
                std::to_string(outcome) + ", which this program does not know",
            "Use the version of reprise that wrote it, or a newer one."};
}

/// Rows up to and with the last confirmed one.
std::size_t count_confirmed(TableView const& view) {
    std::size_t count = 0;
    for_each_row(view, [&](std::size_t index, Row row) {
        if (is_confirmed(row)) count = index + 1;
        return true;
    });
    return count;
}

}  // namespace

// Two passes, because a file in use grows while it is read: what is confirmed in the first pass was
// on disk then, with all before it. A row found missing in the second pass is missing.
AttemptScan scan_attempts(TableView const& view, std::function<void(Row)> const& visit) {
    auto const confirmed = count_confirmed(view);
    AttemptScan scan;
    bool ended = false;
    for_each_row(view, [&](std::size_t index, Row row) {
        auto state = state_of(row);
        std::vector<std::byte> again;
        if (state != RowState::good && index < confirmed) {
            again = read_again(view, index);
            row = again;
            state = state_of(row);
            if (state != RowState::good) throw damaged_row(view, "attempts", index);
        }
        if (state != RowState::good || ended) {
            ended = true;
            scan.clean = scan.clean && state == RowState::empty;
            return true;
        }
        if (auto const outcome = decode_attempt(row).outcome; !is_known(outcome))
            throw unknown_outcome(view, "attempts", index, static_cast<int>(outcome));
        scan.clean = scan.clean && is_confirmed(row);
        ++scan.rows;
        visit(row);
        return true;
    });
    return scan;
}

StartScan scan_starts(TableView const& view) {
    StartScan scan;
    std::vector<std::optional<StoredStart>> latest;
    for_each_row(view, [&](std::size_t index, Row row) {
        auto state = state_of(row);
        std::vector<std::byte> again;
        if (state == RowState::damaged) {
            again = read_again(view, index);
            row = again;
            state = state_of(row);
        }
        if (state == RowState::empty) return true;
        scan.used = index + 1;
        scan.clean = scan.clean && state == RowState::good && is_confirmed(row);
        if (state == RowState::damaged) {
            if (is_confirmed(row)) throw damaged_row(view, "starts", index);
            return true;
        }
        StoredStart const found{decode_start(row), index};
        auto const number = static_cast<std::size_t>(found.row.record.number);
        if (number >= view.table.capacity()) throw damaged_row(view, "starts", index);
        if (auto const outcome = found.row.record.outcome; !is_known(outcome))
            throw unknown_outcome(view, "starts", index, static_cast<int>(outcome));
        if (number >= latest.size()) latest.resize(number + 1);
        if (auto& known = latest[number]; !known || known->row.revision < found.row.revision)
            known = found;
        return true;
    });
    for (auto const& start : latest) {
        if (!start) throw corrupt_file(view.path, "a start is missing from its table starts");
        scan.starts.push_back(*start);
    }
    return scan;
}

}  // namespace reprise::results
