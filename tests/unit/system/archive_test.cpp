#include "reprise/system/archive.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

class ArchiveTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::string make_file(std::string const& name, std::string const& content) const {
        auto const path = folder / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    /// As Stable-Baselines3 writes it: members stored, or packed.
    [[nodiscard]] std::string make_archive(std::string const& name, zip_int32_t method) const {
        auto const path = folder / name;
        int error = 0;
        auto* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
        for (auto const& [member, content] : members) {
            auto* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
            auto const index = zip_file_add(archive, member.c_str(), source, 0);
            zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
        }
        EXPECT_EQ(zip_close(archive), 0);
        return path;
    }
    static std::string content_of(std::string const& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::vector<std::pair<std::string, std::string>> members{
        {"data", std::string(300, 'a') + "b"}, {"policy.pth", std::string(500, 'x') + "weights"}};
    test::PrivateFolder folder;
};

TEST_F(ArchiveTest, AWholeArchiveIsComplete) {
    EXPECT_TRUE(is_complete_model(make_archive("stored.zip", ZIP_CM_STORE)));
    EXPECT_TRUE(is_complete_model(make_archive("packed.zip", ZIP_CM_DEFLATE)));
    EXPECT_TRUE(is_complete_model(make_archive("model.pt", ZIP_CM_STORE)));
}

TEST_F(ArchiveTest, OneThatIsCutOffAnywhereIsNot) {
    for (auto const* name : {"model.zip", "model.pt"}) {
        auto const content = content_of(make_archive(name, ZIP_CM_STORE));
        // What is no archive by name or content counts as soon as it is not empty.
        std::size_t const first = std::string(name) == "model.zip" ? 0 : 4;
        for (std::size_t size = first; size < content.size(); ++size) {
            EXPECT_FALSE(is_complete_model(make_file(name, content.substr(0, size)))) << size;
        }
    }
}

TEST_F(ArchiveTest, OneWithAFlippedByteInAMemberIsNot) {
    auto const whole = content_of(make_archive("model.zip", ZIP_CM_STORE));
    for (auto const& [member, content] : members) {
        auto const begin = whole.find(content);
        ASSERT_NE(begin, std::string::npos);
        for (std::size_t at = begin; at < begin + content.size(); ++at) {
            auto flipped = whole;
            flipped[at] ^= 1;
            EXPECT_FALSE(is_complete_model(make_file("model.zip", flipped))) << member << " " << at;
        }
    }
}

TEST_F(ArchiveTest, OneWhoseMiddleWasNeverWrittenIsNot) {
    // The size was there before the data, as after a power loss.
    auto content = content_of(make_archive("model.zip", ZIP_CM_STORE));
    auto const begin = content.find("policy.pth");
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(begin + 50),
              content.begin() + static_cast<std::ptrdiff_t>(begin + 150), '\0');
    EXPECT_FALSE(is_complete_model(make_file("model.zip", content)));
}

TEST_F(ArchiveTest, OtherFilesAreCompleteWhenTheyAreNotEmpty) {
    EXPECT_TRUE(is_complete_model(make_file("model.json", "{}")));
    EXPECT_TRUE(is_complete_model(make_file("short", "P")));
    EXPECT_FALSE(is_complete_model(make_file("empty.json", "")));
    EXPECT_FALSE(is_complete_model(make_file("empty.zip", "")));
    EXPECT_FALSE(is_complete_model(make_file("text.zip", "no archive at all")));
    EXPECT_FALSE(is_complete_model(folder / "missing"));
}

TEST_F(ArchiveTest, ADirectoryIsCompleteWhenSomethingIsInIt) {
    fs::create_directory(folder / "step_5");
    EXPECT_FALSE(is_complete_model(folder / "step_5"));
    (void)make_file("step_5/weights", "x");
    EXPECT_TRUE(is_complete_model(folder / "step_5"));
}

TEST_F(ArchiveTest, APipeIsNoModel) {
    auto const path = folder / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_FALSE(is_complete_model(path));
}

}  // namespace
}  // namespace reprise
