#include "reprise/commands/scratch_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "reprise/core/error.hpp"
#include "support/forked.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

/// A base of the test's own, in place of /dev/shm and /tmp.
class ScratchDirectoryTest : public testing::Test {
  protected:
    [[nodiscard]] std::vector<std::string> bases() const { return {base.path()}; }
    /// A directory with something in it, as a killed owner leaves it behind.
    std::string abandoned(std::string const& name) {
        fs::create_directories(base / name + "/session");
        std::ofstream(base / name + "/session/socket") << "x";
        return base / name;
    }

    test::PrivateFolder base;
};

TEST_F(ScratchDirectoryTest, IsPrivateAndGoesWithAllThatIsInIt) {
    std::string path;
    {
        ScratchDirectory const scratch("reprise.1.1", bases());
        path = scratch.path();
        EXPECT_EQ(path, base / "reprise.1.1");
        struct stat info {};
        ASSERT_EQ(::stat(path.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 07777U, 0700U);
        fs::create_directories(path + "/a/b");
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(ScratchDirectoryTest, DirectoryOfADeadOwnerIsSwept) {
    auto const dead = abandoned("reprise.4711.99");
    ScratchDirectory const scratch("reprise.1.1", bases());
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(scratch.path()));
}

TEST_F(ScratchDirectoryTest, OwnerThatWasKilledWithItsGuardianIsSweptToo) {
    auto const owner = test::run_forked([&] {
        ScratchDirectory const scratch("reprise.2.2", bases());
        ::kill(scratch.guardians().front(), SIGKILL);
        ::waitpid(scratch.guardians().front(), nullptr, 0);
        ::_exit(fs::exists(scratch.path()) ? 0 : 1);  // without the destructor
        return 1;
    });
    ASSERT_EQ(test::status_of(owner), 0);
    ASSERT_TRUE(fs::exists(base / "reprise.2.2"));
    ScratchDirectory const scratch("reprise.1.1", bases());
    EXPECT_FALSE(fs::exists(base / "reprise.2.2"));
}

TEST_F(ScratchDirectoryTest, DirectoryOfALiveOwnerIsLeftAlone) {
    ScratchDirectory const live("reprise.3.3", bases());
    std::ofstream(live.path() + "/segment") << "x";
    ScratchDirectory const scratch("reprise.1.1", bases());
    EXPECT_TRUE(fs::exists(live.path() + "/segment"));
}

TEST_F(ScratchDirectoryTest, DirectoryThatSomebodyElseHoldsIsLeftAlone) {
    (void)abandoned("reprise.4.4");
    auto const hold = hold_scratch("reprise.4.4", bases());
    ASSERT_TRUE(hold.has_value());
    ScratchDirectory const scratch("reprise.1.1", bases());
    EXPECT_TRUE(fs::exists(base / "reprise.4.4/session/socket"));
}

TEST_F(ScratchDirectoryTest, WhatIsNotThereCannotBeHeld) {
    EXPECT_FALSE(hold_scratch("reprise.4.4", bases()).has_value());
}

TEST_F(ScratchDirectoryTest, WhatHasNotOurKindOfNameIsLeftAlone) {
    std::vector<std::string> const names = {"ompi.node.0", "reprise",   "reprise.",   "reprise.x1",
                                            "reprise1",    "Reprise.1", "a.reprise.1"};
    for (auto const& name : names) (void)abandoned(name);
    ScratchDirectory const scratch("reprise.1.1", bases());
    for (auto const& name : names) EXPECT_TRUE(fs::exists(base / name + "/session/socket")) << name;
}

TEST_F(ScratchDirectoryTest, FilesAndLinksWithOurNamesAreLeftAlone) {
    auto const elsewhere = abandoned("elsewhere");
    fs::create_directory_symlink(elsewhere, base / "reprise.5.5");
    std::ofstream(base / "reprise.6.6") << "x";
    ScratchDirectory const scratch("reprise.1.1", bases());
    EXPECT_TRUE(fs::is_symlink(base / "reprise.5.5"));
    EXPECT_TRUE(fs::exists(elsewhere + "/session/socket"));
    EXPECT_TRUE(fs::exists(base / "reprise.6.6"));
}

TEST_F(ScratchDirectoryTest, TheNextBaseIsTakenWhenTheFirstIsNotThere) {
    ScratchDirectory const scratch("reprise.1.1", {base / "missing", base.path()});
    EXPECT_EQ(scratch.path(), base / "reprise.1.1");
}

TEST_F(ScratchDirectoryTest, NoBaseAtAllIsAnError) {
    EXPECT_THROW(ScratchDirectory("reprise.1.1", {base / "missing"}), Error);
}

TEST_F(ScratchDirectoryTest, OneThatOutlivedItsOwnerCanBeRemovedByName) {
    auto const mine = abandoned("reprise.7.7");
    auto const other = abandoned("reprise.8.8");
    remove_scratch("reprise.7.7", {base / "missing", base.path()});
    EXPECT_FALSE(fs::exists(mine));
    EXPECT_TRUE(fs::exists(other));
}

}  // namespace
}  // namespace reprise
