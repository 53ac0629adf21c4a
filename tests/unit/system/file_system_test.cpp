#include "reprise/system/file_system.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "reprise/core/error.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

class FileSystemTest : public ::testing::Test {
  protected:
    test::PrivateFolder folder_;
};

TEST_F(FileSystemTest, WrittenIsRead) {
    write_file(folder_ / "a", "one\ntwo");
    EXPECT_EQ(read_file(folder_ / "a", 100), "one\ntwo");
    write_file(folder_ / "a", "3");
    EXPECT_EQ(read_file(folder_ / "a", 1), "3");
}

TEST_F(FileSystemTest, TooLargeAFileIsRefused) {
    write_file(folder_ / "a", "12345");
    EXPECT_NO_THROW((void)read_file(folder_ / "a", 5));
    EXPECT_THROW((void)read_file(folder_ / "a", 4), Error);
}

TEST_F(FileSystemTest, MissingFileIsNamed) {
    try {
        (void)read_file(folder_ / "none", 10);
        FAIL();
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), Error::Kind::not_found);
        EXPECT_NE(std::string(error.what()).find(folder_ / "none"), std::string::npos);
    }
}

TEST_F(FileSystemTest, DurableWriteReplacesAndLeavesNoTemporaryFile) {
    write_file(folder_ / "a", "old");
    write_durably(folder_ / "a", "new");
    EXPECT_EQ(read_file(folder_ / "a", 10), "new");
    EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"a"});
}

TEST_F(FileSystemTest, FailedDurableWriteKeepsTheOldAndLeavesNoTemporaryFile) {
    create_directories(folder_ / "a");  // a directory cannot be replaced by a file
    EXPECT_THROW(write_durably(folder_ / "a", "new"), Error);
    EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"a"});
}

TEST_F(FileSystemTest, DirectoriesAreMadeWithTheirParents) {
    create_directories(folder_ / "x/y/z");
    create_directories(folder_ / "x/y/z");
    create_directories(folder_ / "x/w/");
    EXPECT_TRUE(is_directory(folder_ / "x/y/z"));
    EXPECT_EQ(list_directory(folder_ / "x"), (std::vector<std::string>{"w", "y"}));
    write_file(folder_ / "file", "");
    EXPECT_THROW(create_directories(folder_ / "file/below"), Error);
    EXPECT_THROW(create_directories(folder_ / "file"), Error);
}

TEST_F(FileSystemTest, RemovingTwiceIsFine) {
    write_file(folder_ / "a", "");
    remove_file(folder_ / "a");
    remove_file(folder_ / "a");
    EXPECT_FALSE(is_regular_file(folder_ / "a"));
}

TEST_F(FileSystemTest, TailHasTheLastLines) {
    write_file(folder_ / "log", "one\ntwo\nthree\n");
    EXPECT_EQ(tail_of_file(folder_ / "log", 2, 100), "two\nthree");
    EXPECT_EQ(tail_of_file(folder_ / "log", 9, 100), "one\ntwo\nthree");
    EXPECT_EQ(tail_of_file(folder_ / "log", 9, 8), "…o\nthree");
    EXPECT_EQ(tail_of_file(folder_ / "log", 1, 8), "three");
    EXPECT_EQ(tail_of_file(folder_ / "log", 0, 8), "");
    write_file(folder_ / "log", "a\n\nb\n\n\n");
    EXPECT_EQ(tail_of_file(folder_ / "log", 2, 100), "\nb");
    write_file(folder_ / "log", "\n\n");
    EXPECT_EQ(tail_of_file(folder_ / "log", 2, 100), "");
    EXPECT_EQ(tail_of_file(folder_ / "none", 2, 100), "");
}

TEST_F(FileSystemTest, ProgramsAreFoundOnTheSearchPath) {
    write_file(folder_ / "tool", "");
    create_directories(folder_ / "bin/tool");  // a directory is no program
    auto const path = folder_ / "bin:/nowhere:" + folder_.path();
    EXPECT_FALSE(find_program("tool", path));  // not executable
    ::chmod((folder_ / "tool").c_str(), 0700);
    EXPECT_EQ(find_program("tool", path), folder_ / "tool");
    EXPECT_EQ(find_program(folder_ / "tool", ""), folder_ / "tool");
    EXPECT_FALSE(find_program("tool", "/nowhere"));
    EXPECT_FALSE(find_program("", path));
}

TEST_F(FileSystemTest, TildeIsTheHomeDirectory) {
    char const* const former = std::getenv("HOME");
    std::string const home = former != nullptr ? former : "/root";
    ::setenv("HOME", "/somewhere", 1);
    EXPECT_EQ(expand_home("~/x"), "/somewhere/x");
    EXPECT_EQ(expand_home("~"), "/somewhere");
    ::setenv("HOME", home.c_str(), 1);
    EXPECT_EQ(expand_home("~root"), "/root");
    EXPECT_EQ(expand_home("~no_such_user/x"), "~no_such_user/x");
    EXPECT_EQ(expand_home("a/~/x"), "a/~/x");
    EXPECT_EQ(expand_home(""), "");
}

TEST_F(FileSystemTest, OwnExecutableIsThisTest) {
    EXPECT_TRUE(own_executable().ends_with("/system_test")) << own_executable();
    EXPECT_EQ(current_directory().front(), '/');
}

}  // namespace
}  // namespace reprise
