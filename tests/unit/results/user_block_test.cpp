#include "results/user_block.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "results/checksum.hpp"
#include "results/little_endian.hpp"

namespace reprise::results {
namespace {

UserBlock example() {
    return {.version = 1,
            .generation = 3,
            .body_length = 10000,
            .body_checksum = 0xdeadbeef,
            .recording = true,
            .in_place = {{{5000, 1084}, {7000, 103}}}};
}

std::optional<Error::Kind> error_of(UserBlockBytes const& bytes) {
    try {
        static_cast<void>(decode_user_block(bytes, "results.h5"));
    } catch (Error const& error) {
        return error.kind();
    }
    return std::nullopt;
}

TEST(UserBlockTest, ComesBackAsItWas) {
    EXPECT_EQ(decode_user_block(encode(example()), "results.h5"), example());
}

TEST(UserBlockTest, EveryFlippedByteIsFound) {
    auto bytes = encode(example());
    for (auto& byte : bytes) {
        byte ^= std::byte{0x10};
        EXPECT_EQ(error_of(bytes), Error::Kind::corrupt) << (&byte - bytes.data());
        byte ^= std::byte{0x10};
    }
}

TEST(UserBlockTest, NewerVersionIsRefusedByName) {
    auto newer = example();
    newer.version = 3;
    EXPECT_EQ(error_of(encode(newer)), Error::Kind::mismatch);
    try {
        static_cast<void>(decode_user_block(encode(newer), "results.h5"));
    } catch (Error const& error) {
        EXPECT_STREQ(
            error.what(),
            "cannot read results file 'results.h5' (format version 3, this program knows "
            "versions up to 2). Use the version of reprise that wrote it, or a newer one.");
    }
}

TEST(UserBlockTest, RegionsOutsideTheFileAreRefused) {
    auto block = example();
    block.in_place[1].offset = 20000;
    EXPECT_EQ(error_of(encode(block)), Error::Kind::corrupt);
    block.in_place[1] = {UINT64_MAX - 5, 103};
    EXPECT_EQ(error_of(encode(block)), Error::Kind::corrupt);
    block.in_place[1] = {5100, 103};
    EXPECT_EQ(error_of(encode(block)), Error::Kind::corrupt);
}

}  // namespace
}  // namespace reprise::results
