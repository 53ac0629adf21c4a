#include "checksum.hpp"

#include <algorithm>
#include <array>

namespace reprise::results {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[k][b]: what byte b does to the sum when k more bytes follow it. Eight bytes at a time
/// ("slicing by 8") is five times as fast as one, and needs no particular processor.
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        auto sum = byte;
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
        tables[0][byte] = sum;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            auto const before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

constexpr Tables tables = make_tables();

}  // namespace

void Checksum::add(std::span<std::byte const> bytes) noexcept {
    auto const* next = reinterpret_cast<unsigned char const*>(bytes.data());
    auto left = bytes.size();
    auto sum = state_;
    for (; left >= 8; left -= 8, next += 8) {
        std::uint32_t const low =
            sum ^ (std::uint32_t{next[0]} | std::uint32_t{next[1]} << 8 |
                   std::uint32_t{next[2]} << 16 | std::uint32_t{next[3]} << 24);
        sum = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^
              tables[4][low >> 24] ^ tables[3][next[4]] ^ tables[2][next[5]] ^ tables[1][next[6]] ^
              tables[0][next[7]];
    }
    for (; left > 0; --left, ++next) sum = (sum >> 8) ^ tables[0][(sum ^ *next) & 0xff];
    state_ = sum;
}

void Checksum::add_zeros(std::uint64_t count) noexcept {
    static constexpr std::array<std::byte, 4096> zeros{};
    while (count > 0) {
        auto const piece = std::min<std::uint64_t>(count, zeros.size());
        add(std::span(zeros).first(piece));
        count -= piece;
    }
}

std::uint32_t checksum_of(std::span<std::byte const> bytes) noexcept {
    Checksum sum;
    sum.add(bytes);
    return sum.value();
}

}  // namespace reprise::results
