#include "reprise/container/image_view.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/process_tree.hpp"
#include "support/private_folder.hpp"

namespace reprise {
namespace {

TEST(LookAnswerTest, TellsWhatWasFound) {
    auto const answer = parse_look_answer(
        "reprise-look 1\nfound /bin/sh\nmissing\ncontent 4\na\nb\n\nunreadable 2\nend\n");
    EXPECT_TRUE(answer.complete);
    ASSERT_EQ(answer.items.size(), 4U);
    EXPECT_EQ(answer.items[0], "/bin/sh");
    EXPECT_FALSE(answer.items[1]);
    EXPECT_EQ(answer.items[2], "a\nb\n");
    EXPECT_EQ(answer.errors[3], 2);
}

TEST(LookAnswerTest, EveryCutAnswerIsIncomplete) {
    std::string const whole = "reprise-look 1\nfound /bin/sh\ncontent 4\na\nb\n\nend\n";
    EXPECT_TRUE(parse_look_answer(whole).complete);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_look_answer(whole.substr(0, length)).complete) << length;
    }
    for (auto const* wrong : {"reprise-look 2\nend\n", "reprise-look 1\nwhat\nend\n",
                              "reprise-look 1\ncontent x\nend\n"}) {
        EXPECT_FALSE(parse_look_answer(wrong).complete) << wrong;
    }
}

/// The helper answers without a container, and in one of bubblewrap's.
class ImageViewTest : public ::testing::TestWithParam<Runtime> {
  protected:
    ImageViewTest() {
        setup_.runtime = GetParam();
        if (setup_.runtime == Runtime::bubblewrap) {
            setup_.executable = find_program("bwrap", "/usr/bin:/bin").value_or("no bwrap here");
        }
        place_.start_dir = place_.working_dir = place_.run_dir = folder_.path();
    }
    void SetUp() override { ASSERT_TRUE(become_subreaper()); }
    void TearDown() override { EXPECT_TRUE(children().empty()); }
    [[nodiscard]] ImageView view() const {
        return {setup_, place_, REPRISE_RUN_HELPER, own_environment()};
    }

    test::PrivateFolder folder_;
    ContainerSetup setup_;
    RunPlace place_;
};

TEST_P(ImageViewTest, StartsWhereItCan) { EXPECT_NO_THROW(view().try_it()); }

TEST_P(ImageViewTest, TellsMissingProgramsFromOthers) {
    write_file(folder_ / "not_executable", "x");
    EXPECT_EQ(view().missing_programs({"sh", "no-such-program", folder_ / "not_executable"}),
              (std::vector<std::string>{"no-such-program", folder_ / "not_executable"}));
}

TEST_P(ImageViewTest, ReadsFilesOfAnyContent) {
    std::string content(300000, '\n');
    content += std::string("\0end\n", 5);
    write_file(folder_ / "file", content);
    EXPECT_EQ(view().read_file(folder_ / "file"), content);
}

TEST_P(ImageViewTest, SaysWhyAFileCannotBeRead) {
    try {
        (void)view().read_file(folder_ / "none.json");
        FAIL() << "no error";
    } catch (Error const& e) {
        EXPECT_EQ(e.kind(), Error::Kind::not_found);
    }
}

INSTANTIATE_TEST_SUITE_P(Runtimes, ImageViewTest,
                         ::testing::Values(Runtime::none, Runtime::bubblewrap));

std::string problem_of(ImageView const& view) {
    try {
        view.try_it();
    } catch (Error const& e) {
        return e.what();
    }
    return "none";
}

TEST(FailedImageViewTest, RepeatsWhatTheRuntimeSaid) {
    test::PrivateFolder folder;
    ContainerSetup setup;
    setup.runtime = Runtime::apptainer;
    setup.image = "/images/x.sif";
    setup.executable = folder / "apptainer";
    write_file(setup.executable,
               "#!/bin/sh\necho INFO >&2\necho 'FATAL: no such image' >&2\nexit 255\n");
    std::filesystem::permissions(setup.executable, std::filesystem::perms::owner_all);
    RunPlace const place{folder.path(), folder.path(), folder.path(), {}, {}, false};
    ImageView const view(setup, place, REPRISE_RUN_HELPER, own_environment());
    EXPECT_EQ(problem_of(view), "cannot start a container of '/images/x.sif' (" + setup.executable +
                                    " ended with exit code 255: FATAL: no such image).");
    write_file(setup.executable, "#!/bin/sh\nexit 0\n");
    EXPECT_EQ(problem_of(view),
              "cannot start a command in '/images/x.sif' (its runscript ended without starting the "
              "command it was given). Let it end with exec \"$@\", or set singularity.use_run to "
              "False.");
}

}  // namespace
}  // namespace reprise
