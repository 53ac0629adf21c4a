#include "reprise/system/archive.hpp"

#include <zip.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>
#include <vector>

namespace reprise {
namespace {

constexpr std::size_t piece_size = 1U << 18U;

struct CloseArchive {
    void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
struct CloseMember {
    void operator()(zip_file_t* member) const noexcept { zip_fclose(member); }
};

/// libzip compares the checksum when it comes to the end of the member.
bool is_readable(zip_t* archive, zip_uint64_t index, std::vector<char>& piece) {
    std::unique_ptr<zip_file_t, CloseMember> const member(zip_fopen_index(archive, index, 0));
    if (!member) return false;
    zip_int64_t size = 0;
    do {
        size = zip_fread(member.get(), piece.data(), piece.size());
    } while (size > 0);
    return size == 0;
}

bool is_complete_archive(std::string const& path) {
    int error = 0;
    std::unique_ptr<zip_t, CloseArchive> const archive(
        zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!archive) return false;
    auto const members = zip_get_num_entries(archive.get(), 0);
    std::vector<char> piece(piece_size);
    for (zip_int64_t i = 0; i < members; ++i) {
        if (!is_readable(archive.get(), static_cast<zip_uint64_t>(i), piece)) return false;
    }
    return members > 0;
}

bool begins_like_an_archive(std::string const& path) {
    constexpr std::string_view mark = "PK\x03\x04";
    std::array<char, mark.size()> start{};
    std::ifstream file(path, std::ios::binary);
    file.read(start.data(), start.size());
    return file && std::string_view(start.data(), start.size()) == mark;
}

}  // namespace

bool is_complete_model(std::string const& path) noexcept {
    try {
        std::filesystem::path const place(path);
        if (std::filesystem::is_directory(place)) return !std::filesystem::is_empty(place);
        if (!std::filesystem::is_regular_file(place) || std::filesystem::file_size(place) == 0) {
            return false;
        }
        bool const is_archive = path.ends_with(".zip") || begins_like_an_archive(path);
        return !is_archive || is_complete_archive(path);
    } catch (std::exception const&) {
        return false;
    }
}

}  // namespace reprise
