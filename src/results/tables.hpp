/// @file Reads the rows of a table from the file, and decides which of its rows count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io.hpp"
#include "rows.hpp"
#include "user_block.hpp"

namespace reprise::results {

/// Where a table lies in its file.
struct Table {
    Region where;
    std::size_t row_size = 0;

    [[nodiscard]] std::size_t capacity() const noexcept { return where.length / row_size; }
    [[nodiscard]] std::uint64_t offset_of(std::size_t row) const noexcept {
        return where.offset + row * row_size;
    }
};

/// A table in an open file.
struct TableView {
    FileDescriptor const& file;
    std::string const& path;
    Table table;
};

struct AttemptScan {
    std::size_t rows = 0;  ///< that count; they come first
    bool clean = true;     ///< all of them confirmed, and zeros after them
};

/// Passes the bytes of every row that counts to `visit`, in order and in constant memory: all up to
/// the last confirmed one, and what follows it without a gap. Throws Error (corrupt) when a row up
/// to the last confirmed one is damaged or missing.
AttemptScan scan_attempts(TableView const& view,
                          std::function<void(std::span<std::byte const>)> const& visit);

/// The latest state of a start, and where it is.
struct StoredStart {
    StartRow row;
    std::size_t index = 0;
};

struct StartScan {
    std::vector<StoredStart> starts;  ///< start n at n
    std::size_t used = 0;             ///< rows up to and with the last that is not empty
    bool clean = true;                ///< no row that is damaged or not confirmed
};

/// Throws Error (corrupt) when a confirmed row is damaged, or a start is missing.
[[nodiscard]] StartScan scan_starts(TableView const& view);

}  // namespace reprise::results
