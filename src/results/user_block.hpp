/// @file The first 512 bytes of a results file, which HDF5 leaves to us (docs/results_file.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "reprise/core/error.hpp"

namespace reprise::results {

inline constexpr std::size_t user_block_size = 512;
/// The format version that this program writes, and the newest that it reads.
inline constexpr std::uint32_t format_version = 2;

/// Bytes of the file that are written in place while the file is in use.
struct Region {
    std::uint64_t offset = 0;  ///< from the start of the file
    std::uint64_t length = 0;

    [[nodiscard]] std::uint64_t end() const noexcept { return offset + length; }
    friend bool operator==(Region const&, Region const&) = default;
};

struct UserBlock {
    std::uint32_t version = format_version;
    std::uint64_t generation = 0;
    std::uint64_t body_length = 0;     ///< bytes of the file after this block
    std::uint32_t body_checksum = 0;   ///< of the body, the bytes in place taken as zeros
    bool recording = false;            ///< there are bytes in place
    std::array<Region, 2> in_place{};  ///< tables attempts and starts; all 0 at rest

    friend bool operator==(UserBlock const&, UserBlock const&) = default;
};

using UserBlockBytes = std::array<std::byte, user_block_size>;

[[nodiscard]] UserBlockBytes encode(UserBlock const& block);

/// Throws Error naming `path`: corrupt, or mismatch when a newer program has written it.
[[nodiscard]] UserBlock decode_user_block(std::span<std::byte const, user_block_size> bytes,
                                          std::string const& path);

}  // namespace reprise::results
