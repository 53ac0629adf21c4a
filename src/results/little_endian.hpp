/// @file Numbers as little-endian bytes, whatever the machine.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace reprise::results {

template <std::integral Number>
void put_number(std::byte* to, Number number) noexcept {
    auto bits = static_cast<std::make_unsigned_t<Number>>(number);
    for (std::size_t i = 0; i < sizeof bits; ++i)
        to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(bits) >> (8 * i));
}

template <std::integral Number>
[[nodiscard]] Number get_number(std::byte const* from) noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        bits |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
    return static_cast<Number>(bits);
}

inline void put_number(std::byte* to, double number) noexcept {
    put_number(to, std::bit_cast<std::uint64_t>(number));
}

template <std::same_as<double> Number>
[[nodiscard]] double get_number(std::byte const* from) noexcept {
    return std::bit_cast<double>(get_number<std::uint64_t>(from));
}

}  // namespace reprise::results
