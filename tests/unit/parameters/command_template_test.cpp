#include "reprise/parameters/command_template.hpp"

#include <gtest/gtest.h>

#include "input_error_of.hpp"

namespace reprise {
namespace {

AttemptContext const context{{2, 1, 3, 4}, "/wd", 77, "/wd/run_2.0-3/model"};

TEST(CommandTemplateTest, FillsEveryPlaceholder) {
    EXPECT_EQ(expand_command({"train", "@config@", "--dir=@run_dir@", "@working_dir@/x", "@seed@",
                              "@run@.@iteration@-@attempt@", "@load_path@"},
                             context),
              (std::vector<std::string>{"train", "/wd/run_2.1-3.part4/config.json",
                                        "--dir=/wd/run_2.1-3.part4", "/wd/x", "77", "2.1-3",
                                        "/wd/run_2.0-3/model"}));
}

TEST(CommandTemplateTest, LeavesOtherAtSignsAlone) {
    std::vector<std::string> const command{"me@host.org", "a@b", "@", "x@@config@@", "@1@", "{@}"};
    EXPECT_NO_THROW(check_command(command, "learner.command"));
    EXPECT_EQ(expand_command(command, context),
              (std::vector<std::string>{"me@host.org", "a@b", "@", "x@config@", "@1@", "{@}"}));
}

TEST(CommandTemplateTest, NamesAnUnknownPlaceholder) {
    EXPECT_EQ(input_error_of([] {
                  check_command({"x", "--a=@confg@"}, "learner.command");
              }),
              "parameter 'learner.command' has an unknown placeholder '@confg@'. Did you mean "
              "'config'?");
}

TEST(CommandTemplateTest, TheEnvironmentSaysTheSame) {
    using Variables = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(attempt_environment(context),
              (Variables{{"REPRISE_CONFIG", "/wd/run_2.1-3.part4/config.json"},
                         {"REPRISE_RUN_DIR", "/wd/run_2.1-3.part4"},
                         {"REPRISE_WORKING_DIR", "/wd"},
                         {"REPRISE_SEED", "77"},
                         {"REPRISE_RUN", "2"},
                         {"REPRISE_ITERATION", "1"},
                         {"REPRISE_ATTEMPT", "3"},
                         {"REPRISE_LOAD_PATH", "/wd/run_2.0-3/model"}}));
}

}  // namespace
}  // namespace reprise
