/// @file CRC-32C (Castagnoli; reflected polynomial 0x82f63b78, start and final value inverted), as
/// in RFC 3720 appendix B.4. It finds every error of up to 32 bits in a row, which CRC-32 does too;
/// this one because more libraries have it for those who want to check a file themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace reprise::results {

/// Takes bytes piece by piece.
class Checksum {
  public:
    void add(std::span<std::byte const> bytes) noexcept;
    void add_zeros(std::uint64_t count) noexcept;
    [[nodiscard]] std::uint32_t value() const noexcept { return ~state_; }

  private:
    std::uint32_t state_ = 0xffffffff;
};

[[nodiscard]] std::uint32_t checksum_of(std::span<std::byte const> bytes) noexcept;

}  // namespace reprise::results
