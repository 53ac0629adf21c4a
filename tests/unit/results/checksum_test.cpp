#include "results/checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <vector>

namespace reprise::results {
namespace {

std::uint32_t checksum_of(std::string_view text) {
    return results::checksum_of(std::as_bytes(std::span(text)));
}

TEST(ChecksumTest, GivesThePublishedValues) {
    // RFC 3720, appendix B.4.
    std::array<std::byte, 32> bytes{};
    EXPECT_EQ(results::checksum_of(bytes), 0x8a9136aaU);
    bytes.fill(std::byte{0xff});
    EXPECT_EQ(results::checksum_of(bytes), 0x62a8ab43U);
    EXPECT_EQ(checksum_of("123456789"), 0xe3069283U);
    EXPECT_EQ(checksum_of(""), 0U);
}

TEST(ChecksumTest, PiecesGiveTheSameAsTheWhole) {
    std::mt19937 random(1);
    std::vector<std::byte> bytes(3000);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
    for (int round = 0; round < 100; ++round) {
        auto const first = random() % bytes.size();
        auto const second = first + random() % (bytes.size() - first);
        Checksum sum;
        sum.add(std::span(bytes).first(first));
        sum.add(std::span(bytes).subspan(first, second - first));
        sum.add(std::span(bytes).subspan(second));
        EXPECT_EQ(sum.value(), results::checksum_of(bytes));
    }
}

TEST(ChecksumTest, ZerosCountLikeBytes) {
    std::vector<std::byte> const zeros(10000);
    Checksum sum;
    sum.add_zeros(zeros.size());
    EXPECT_EQ(sum.value(), results::checksum_of(zeros));
}

}  // namespace
}  // namespace reprise::results
