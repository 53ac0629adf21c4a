/// @file Rows of the tables `attempts` and `starts` as bytes and as HDF5 compound types; both come
/// from one list of columns in rows.cpp, which is the order in the file.
///
/// Every row is: `confirmed` (1 byte), the columns, `crc` (4 bytes: CRC-32C of what is between). A
/// row is written with confirmed = 0 and, once it has been synced, again with confirmed = 1, which
/// nobody waits for. So a damaged row that says confirmed was announced: the file is corrupt. One
/// that does not was being written when something died: it was never announced, and is no row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_handle.hpp"
#include "reprise/core/attempt.hpp"

namespace reprise::results {

inline constexpr std::size_t attempt_row_size = 606;
/// In files of format version 1, which have no column `gpus`. They are only read.
inline constexpr std::size_t attempt_row_size_1 = 542;
inline constexpr std::size_t start_row_size = 103;

/// A state of a start. A start that is written again goes to another row, and the row with the
/// highest revision counts, so that a write that dies half-way takes nothing away.
struct StartRow {
    std::uint32_t revision = 0;
    StartRecord record;
};

/// `to` has the row's size. Texts that are too long are cut between UTF-8 characters; NUL
/// characters become spaces.
void encode(AttemptRecord const& record, bool confirmed, std::span<std::byte> to);
void encode(StartRow const& row, bool confirmed, std::span<std::byte> to);

/// Expects a row in state `good`; an attempt of either size.
[[nodiscard]] AttemptRecord decode_attempt(std::span<std::byte const> row);
[[nodiscard]] StartRow decode_start(std::span<std::byte const> row);

enum class RowState {
    empty,    ///< zeros: holds nothing
    good,     ///< the checksum is right
    damaged,  ///< the rest
};
[[nodiscard]] RowState state_of(std::span<std::byte const> row) noexcept;
[[nodiscard]] bool is_confirmed(std::span<std::byte const> row) noexcept;
void set_confirmed(std::span<std::byte> row) noexcept;

/// Whether it is the outcome of a row that holds something.
[[nodiscard]] bool is_known(AttemptOutcome outcome) noexcept;
[[nodiscard]] bool is_known(StartOutcome outcome) noexcept;

/// The compound types, with names, offsets and sizes as encoded. Throw Hdf5Error.
[[nodiscard]] Hdf5Type attempt_row_type();
[[nodiscard]] Hdf5Type start_row_type();

/// A UTF-8 string type of a fixed size in bytes, the last of them a NUL. (The type that is padded
/// instead h5dump prints with all its padding.)
[[nodiscard]] Hdf5Type text_type(std::size_t size);

}  // namespace reprise::results
