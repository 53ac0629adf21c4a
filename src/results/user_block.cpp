#include "user_block.hpp"

#include <cstring>
#include <string_view>

#include "checksum.hpp"
#include "io.hpp"
#include "little_endian.hpp"

namespace reprise::results {
namespace {

// Like PNG's mark: not text, shows transfers that change line ends or drop the eighth bit.
constexpr std::string_view magic = "\x89REPRISE\r\n\x1a\n\0\0\0\0";
constexpr std::string_view magic_bytes(magic.data(), 16);
// For whoever looks at the file with a pager.
constexpr std::string_view note =
    "\nA results file of Reprise: HDF5 from byte 512 on. See docs/results_file.md.\n";

constexpr std::size_t version_at = 16;
constexpr std::size_t region_count_at = 20;
constexpr std::size_t generation_at = 24;
constexpr std::size_t body_length_at = 32;
constexpr std::size_t body_checksum_at = 40;
constexpr std::size_t regions_at = 48;
constexpr std::size_t note_at = 128;
constexpr std::size_t checksum_at = user_block_size - 4;

bool regions_fit(UserBlock const& block) {
    auto const& [first, second] = block.in_place;
    auto const end_of_file = user_block_size + block.body_length;
    auto const inside = [&](Region const& region) {
        return region.offset >= user_block_size && region.length <= block.body_length &&
               region.offset <= end_of_file - region.length;
    };
    if (!block.recording) return first == Region{} && second == Region{};
    return inside(first) && inside(second) &&
           (first.end() <= second.offset || second.end() <= first.offset);
}

}  // namespace

UserBlockBytes encode(UserBlock const& block) {
    UserBlockBytes bytes{};
    std::memcpy(bytes.data(), magic_bytes.data(), magic_bytes.size());
    std::memcpy(bytes.data() + note_at, note.data(), note.size());
    put_number(bytes.data() + version_at, block.version);
    put_number(bytes.data() + region_count_at, std::uint32_t{block.recording ? 2U : 0U});
    put_number(bytes.data() + generation_at, block.generation);
    put_number(bytes.data() + body_length_at, block.body_length);
    put_number(bytes.data() + body_checksum_at, block.body_checksum);
    for (std::size_t i = 0; i < block.in_place.size(); ++i) {
        put_number(bytes.data() + regions_at + 16 * i, block.in_place[i].offset);
        put_number(bytes.data() + regions_at + 16 * i + 8, block.in_place[i].length);
    }
    put_number(bytes.data() + checksum_at, checksum_of(std::span(bytes).first(checksum_at)));
    return bytes;
}

UserBlock decode_user_block(std::span<std::byte const, user_block_size> bytes,
                            std::string const& path) {
    if (std::memcmp(bytes.data(), magic_bytes.data(), magic_bytes.size()) != 0)
        throw corrupt_file(path, "it does not begin like a results file of reprise");
    // Mark, version and this checksum stay where they are in every version to come.
    if (get_number<std::uint32_t>(bytes.data() + checksum_at) !=
        checksum_of(bytes.first(checksum_at)))
        throw corrupt_file(path, "the checksum of its first 512 bytes is wrong");
    UserBlock block;
    block.version = get_number<std::uint32_t>(bytes.data() + version_at);
    if (block.version > format_version)
        throw Error(Error::Kind::mismatch, "read results file", path,
                    "format version " + std::to_string(block.version) +
                        ", this program knows versions up to " + std::to_string(format_version),
                    "Use the version of reprise that wrote it, or a newer one.");
    auto const regions = get_number<std::uint32_t>(bytes.data() + region_count_at);
    block.recording = regions == 2;
    block.generation = get_number<std::uint64_t>(bytes.data() + generation_at);
    block.body_length = get_number<std::uint64_t>(bytes.data() + body_length_at);
    block.body_checksum = get_number<std::uint32_t>(bytes.data() + body_checksum_at);
    for (std::size_t i = 0; i < block.in_place.size(); ++i) {
        block.in_place[i].offset = get_number<std::uint64_t>(bytes.data() + regions_at + 16 * i);
        block.in_place[i].length =
            get_number<std::uint64_t>(bytes.data() + regions_at + 16 * i + 8);
    }
    if (block.version == 0 || (regions != 0 && regions != 2) || !regions_fit(block))
        throw corrupt_file(path, "its first 512 bytes contradict themselves");
    return block;
}

}  // namespace reprise::results
