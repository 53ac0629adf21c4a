/// @file Bytes as text: two lower-case hexadecimal digits each. Needs nothing but libc and
/// containers, because the static helper uses it too.
#pragma once

#include <string>
#include <string_view>

namespace reprise {

inline std::string to_hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (char const c : bytes) {
        auto const byte = static_cast<unsigned char>(c);
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

/// Up to the first thing that is no pair of such digits.
inline std::string from_hex(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        auto const high = digits.find(text[i]);
        auto const low = digits.find(text[i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) break;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

}  // namespace reprise
