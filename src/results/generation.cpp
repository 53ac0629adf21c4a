#include "generation.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "checksum.hpp"
#include "rows.hpp"
#include "sample.hpp"

namespace reprise::results {
namespace {

void check_length(FileDescriptor const& file, UserBlock const& block, std::string const& path) {
    auto const size = file.files().size(file.get());
    if (size < 0) throw_system_error(errno, "read results file", path);
    auto const expected = user_block_size + block.body_length;
    if (static_cast<std::uint64_t>(size) != expected)
        throw corrupt_file(path, "it has " + std::to_string(size) + " bytes instead of " +
                                     std::to_string(expected));
}

UserBlock read_user_block(FileDescriptor const& file, std::string const& path) {
    UserBlockBytes bytes{};
    auto const size = file.files().size(file.get());
    if (size >= 0 && size < static_cast<std::int64_t>(bytes.size()))
        throw corrupt_file(path, "it has only " + std::to_string(size) + " bytes");
    read_exactly(file, bytes, 0, path);
    return decode_user_block(bytes, path);
}

}  // namespace

std::uint32_t checksum_of_body(
    FileDescriptor const& file, UserBlock const& block, std::string const& path,
    std::function<void(std::span<std::byte const>, std::uint64_t)> const& copy) {
    Checksum sum;
    std::vector<std::byte> buffer(chunk_size);
    std::uint64_t at = user_block_size;
    auto const take_until = [&](std::uint64_t end) {
        while (at < end) {
            auto const piece =
                std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - at));
            read_exactly(file, piece, at, path);
            sum.add(piece);
            copy(piece, at);
            at += piece.size();
        }
    };
    if (block.recording) {
        auto regions = block.in_place;
        if (regions[1].offset < regions[0].offset) std::swap(regions[0], regions[1]);
        for (auto const& region : regions) {
            take_until(region.offset);
            sum.add_zeros(region.length);
            at = region.end();
        }
    }
    take_until(user_block_size + block.body_length);
    return sum.value();
}

Table find_table(hid_t file, char const* name, std::size_t row_size) {
    Hdf5Dataset const dataset(H5Dopen2(file, name, H5P_DEFAULT), "H5Dopen");
    Hdf5Type const type(H5Dget_type(dataset.get()), "H5Dget_type");
    Hdf5Space const space(H5Dget_space(dataset.get()), "H5Dget_space");
    Hdf5Properties const creation(H5Dget_create_plist(dataset.get()), "H5Dget_create_plist");
    if (H5Tget_size(type.get()) != row_size || H5Sget_simple_extent_ndims(space.get()) != 1 ||
        H5Pget_layout(creation.get()) != H5D_CONTIGUOUS)
        throw Hdf5Error(std::string("the table ") + name + " has another form than it should");
    hsize_t rows = 0;
    checked(H5Sget_simple_extent_dims(space.get(), &rows, nullptr), "H5Sget_simple_extent_dims");
    if (rows == 0) return {{}, row_size};
    auto const offset = H5Dget_offset(dataset.get());
    if (offset == HADDR_UNDEF) throw_hdf5_error("H5Dget_offset");
    return {{offset, rows * row_size}, row_size};
}

Generation open_generation(Files& files, std::string const& path, int flags) {
    Generation result;
    result.file = open_file(files, path, flags, "open results file");
    result.block = read_user_block(result.file, path);
    check_length(result.file, result.block, path);
    auto const ignore = [](std::span<std::byte const>, std::uint64_t) {};
    if (checksum_of_body(result.file, result.block, path, ignore) != result.block.body_checksum)
        throw corrupt_file(path, "its checksum is wrong: damaged, or changed by another program");
    try {
        ChannelFile hdf5(files, result.file.get(), ChannelFile::Mode::read);
        auto const row_size = result.block.version == 1 ? attempt_row_size_1 : attempt_row_size;
        result.attempts = find_table(hdf5.id(), "attempts", row_size);
        result.starts = find_table(hdf5.id(), "starts", start_row_size);
        result.sample = read_sample(hdf5.id());
        hdf5.close();
    } catch (Hdf5Error const& error) {
        throw corrupt_file(path, error.what());
    }
    if (result.block.recording && (result.attempts.where != result.block.in_place[0] ||
                                   result.starts.where != result.block.in_place[1]))
        throw corrupt_file(path, "its tables are not where its first 512 bytes say");
    return result;
}

}  // namespace reprise::results
