/// @file SHA-256 (FIPS 180-4), for digests that `sha256sum` can check.
#pragma once

#include <string>
#include <string_view>

namespace reprise {

/// 64 hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace reprise
