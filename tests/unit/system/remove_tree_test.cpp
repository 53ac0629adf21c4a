#include "reprise/system/remove_tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

class RemoveTreeTest : public ::testing::Test {
  protected:
    std::string make(std::string const& name) {
        fs::create_directories(fs::path(folder_ / name).parent_path());
        std::ofstream(folder_ / name) << "x";
        return folder_ / name;
    }
    [[nodiscard]] bool remove(std::string const& name) const {
        return remove_tree(AT_FDCWD, (folder_ / name).c_str());
    }

    test::PrivateFolder folder_;
};

TEST_F(RemoveTreeTest, TakesAllThatIsInIt) {
    make("tree/a/b/c");
    make("tree/a/d");
    make("tree/.hidden");
    make("treetop");
    EXPECT_TRUE(remove("tree"));
    EXPECT_FALSE(fs::exists(folder_ / "tree"));
    EXPECT_TRUE(fs::exists(folder_ / "treetop"));
}

TEST_F(RemoveTreeTest, FollowsNoLink) {
    auto const kept = make("kept/file");
    fs::create_directories(folder_ / "tree");
    fs::create_directory_symlink(folder_ / "kept", folder_ / "tree/link");
    EXPECT_TRUE(remove("tree"));
    EXPECT_TRUE(fs::exists(kept));
    fs::create_directory_symlink(folder_ / "kept", folder_ / "tree");
    EXPECT_TRUE(remove("tree")) << "the link itself goes";
    EXPECT_TRUE(fs::exists(kept));
}

TEST_F(RemoveTreeTest, TakesWhatForbidsIt) {
    make("tree/a/b");
    fs::permissions(folder_ / "tree/a", fs::perms::none);
    EXPECT_TRUE(remove("tree"));
    EXPECT_FALSE(fs::exists(folder_ / "tree"));
}

TEST_F(RemoveTreeTest, TakesWhatIsNestedDeeply) {
    std::string path = folder_ / "tree";
    for (int i = 0; i < 200; ++i) path += "/" + std::string(10, 'd');
    fs::create_directories(path);
    EXPECT_TRUE(remove("tree"));
    EXPECT_FALSE(fs::exists(folder_ / "tree"));
}

TEST_F(RemoveTreeTest, WhatIsNotThereIsNoFailure) { EXPECT_TRUE(remove("tree")); }

TEST_F(RemoveTreeTest, TellsWhenSomethingIsLeft) {
    EXPECT_FALSE(remove_tree(AT_FDCWD, "/proc/self/fdinfo"));
}

}  // namespace
}  // namespace reprise
