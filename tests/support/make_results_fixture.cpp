// Makes the files of tests/data/results:  make_results_fixture FOLDER
// Those of a version that was released are never made again; a new version gets new files.
#include <cstdio>
#include <exception>

#include "support/sample_results.hpp"

namespace {

using namespace reprise;

std::string flipped(std::string bytes, std::size_t at) {
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ 0x20);
    return bytes;
}

std::uint32_t crc32c(std::string const& bytes) {  // bit by bit: not the code under test
    std::uint32_t sum = 0xffffffff;
    for (unsigned char const byte : bytes) {
        sum ^= byte;
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0x82f63b78U : 0U);
    }
    return ~sum;
}

std::string with_version(std::string bytes, char version) {
    bytes.at(16) = version;
    auto const sum = crc32c(bytes.substr(0, 508));
    for (std::size_t i = 0; i < 4; ++i) bytes.at(508 + i) = static_cast<char>(sum >> (8 * i));
    return bytes;
}

void make(std::filesystem::path const& folder) {
    auto const valid = folder / "valid";
    auto const invalid = folder / "invalid";
    std::filesystem::create_directories(valid);
    std::filesystem::create_directories(invalid);
    auto const in_use = valid / "version2_recording.h5";
    auto const at_rest = valid / "version2_at_rest.h5";
    std::filesystem::remove(in_use);
    auto store = ResultsStore::create_or_open(in_use, test::example_sample(), {9, 6});
    test::record_example(store);
    std::filesystem::copy_file(in_use, at_rest, std::filesystem::copy_options::overwrite_existing);
    auto sealed = ResultsStore::create_or_open(at_rest, test::example_sample(), {1, 1});
    sealed.seal(test::example_curve_source);

    auto const rest = test::read_file(at_rest);
    auto const use = test::read_file(in_use);
    test::write_file(invalid / "empty.h5", "");
    test::write_file(invalid / "text.h5", "learning_run,reward\n0,1.5\n1,2.5\n2,3.25\n\n");
    test::write_file(invalid / "plain.h5", rest.substr(512));
    test::write_file(invalid / "cut_off.h5", rest.substr(0, rest.size() - 100));
    test::write_file(invalid / "flipped_in_body.h5", flipped(rest, rest.find("hysr_one_ball_rl")));
    test::write_file(invalid / "flipped_in_user_block.h5", flipped(rest, 24));
    test::write_file(invalid / "flipped_in_row.h5", flipped(use, use.find("node6")));
    test::write_file(invalid / "version3.h5", with_version(rest, 3));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        make(argv[1]);
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
