#include "reprise/parameters/run_configuration.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "data_files.hpp"
#include "input_error_of.hpp"
#include "reprise/parameters/python_text.hpp"
#include "sample_files.hpp"

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;
using Texts = std::vector<std::string>;

class RunConfigurationTest : public testing::Test {
  protected:
    /// The sample's templates with these overrides.
    static ConfigurationSet load(Texts overrides) {
        overrides.insert(overrides.begin(), "config.config_templates='hp/templates.json'");
        return load_dictionary("{'working_dir': 'wd'}", std::move(overrides));
    }
    static ConfigurationSet load_dictionary(std::string const& dictionary, Texts overrides = {}) {
        auto const read_file = reader_of(sample_files());
        auto const parameters = load_parameters(
            {ParameterSource::Kind::dictionary, dictionary, std::move(overrides)}, read_file);
        return ConfigurationSet::load(make_job_spec(parameters), parameters, read_file);
    }
    static std::string error_of(Texts const& overrides) {
        return input_error_of([&] { (void)load(overrides); });
    }
    static Json file(RunConfiguration const& run, std::string const& path) {
        for (auto const& candidate : run.files) {
            if (candidate.path == path) return Json::parse(candidate.content);
        }
        ADD_FAILURE() << path << " is not written";
        return {};
    }
    static AttemptContext attempt(AttemptKey key = {}, std::string load_path = "") {
        return {key, "/wd", 77, std::move(load_path)};
    }
};

TEST_F(RunConfigurationTest, WritesTheFilesOfARun) {
    auto const run = load({}).for_attempt(attempt({1, 1, 0, 0}, "/wd/run_1.0-0/model"));
    Texts paths;
    for (auto const& written : run.files) paths.push_back(written.path);
    EXPECT_EQ(
        paths,
        (Texts{"/wd/run_1.1-0/config/reward_config.json", "/wd/run_1.1-0/config/hysr_config.json",
               "/wd/run_1.1-0/config/pam_config.json", "/wd/run_1.1-0/config/rl_config.json",
               "/wd/run_1.1-0/config/rl_common_config.json", "/wd/run_1.1-0/config.json"}));
    auto const hysr = file(run, paths[1]);
    EXPECT_EQ(hysr["graphics"], false);
    EXPECT_EQ(hysr["xterms"], false);
    auto const rl = file(run, paths[3]);
    EXPECT_EQ(rl["load_path"], "/wd/run_1.0-0/model");
    EXPECT_EQ(rl["save_path"], "/wd/run_1.1-0/model");
    EXPECT_EQ(rl["log_path"], "/wd/run_1.1-0/training_logs");
    EXPECT_EQ(rl["num_timesteps"], 500000);
    EXPECT_EQ(file(run, paths[4])["random_seed"], 77);
    EXPECT_EQ(run.files[2].content, "{\n    \"a\": 1e-07\n}");
    EXPECT_EQ(run.context.load_path, "/wd/run_1.0-0/model");
    EXPECT_EQ(run.save_path, "/wd/run_1.1-0/model");
    EXPECT_EQ(run.log_path, "/wd/run_1.1-0/training_logs");
    EXPECT_EQ(run.reward_path, "/wd/run_1.1-0/training_logs/progress.csv");
}

TEST_F(RunConfigurationTest, MainFileIsThatOfTheSeed) {
    auto const run = load({}).for_attempt({{1, 1, 0, 0}, "/@WORKING_DIR@", 0, ""});
    auto content = run.files.back().content;
    for (auto at = content.find("/@"); at != std::string::npos; at = content.find("/@")) {
        content.erase(at, 1);
    }
    EXPECT_EQ(content, data_file("golden/seed_job/config.json"));
}

TEST_F(RunConfigurationTest, AFreshStartLoadsWhatTheTemplateSays) {
    auto const run = load({}).for_attempt(attempt());
    EXPECT_EQ(file(run, "/wd/run_0.0-0/config/rl_config.json")["load_path"], "");
    EXPECT_EQ(run.context.load_path, "");
}

TEST_F(RunConfigurationTest, ParametersReplaceValuesAndElements) {
    auto const merged = load({"config.rl_config.num_hidden=200", "config.rl_config.learning_rate=1",
                              "config.hysr_config.robot_position:0=-0.25",
                              "config.hysr_config.starting_pressures:1:0=1.5",
                              "config.hysr_config.world_boundaries.max:1=2",
                              "config.hysr_config.world_boundaries.min=[1, 2]",
                              "config.rl_common_config.algorithm=None"})
                            .merged();
    EXPECT_EQ(merged["rl_config"]["num_hidden"], 200);
    EXPECT_EQ(merged["rl_config"]["learning_rate"].dump(), "1");
    EXPECT_EQ(merged["hysr_config"]["robot_position"].dump(), "[-0.25,0.0,1.21]");
    EXPECT_EQ(merged["hysr_config"]["starting_pressures"].dump(), "[[18000,18000],[1.5,17500]]");
    EXPECT_EQ(merged["hysr_config"]["world_boundaries"].dump(), R"({"min":[1,2],"max":[1.6,2]})");
    EXPECT_TRUE(merged["rl_common_config"]["algorithm"].is_null());
}

TEST_F(RunConfigurationTest, AnIndexMeansAnElementOfTheListThatAParameterGives) {
    auto const merged = load({"config.hysr_config.robot_position:3=9",
                              "config.hysr_config.robot_position=[1, 2, 3, 4]"})
                            .merged();
    EXPECT_EQ(merged["hysr_config"]["robot_position"].dump(), "[1,2,3,9]");
}

TEST_F(RunConfigurationTest, FloatsWithoutFractionBecomeTheIntegersOfTheTemplate) {
    auto const set = load({"config.rl_config.num_hidden=200.0", "config.rl_config.ent_coef=0.01"});
    EXPECT_EQ(set.merged()["rl_config"]["num_hidden"].dump(), "200");
    EXPECT_EQ(set.merged()["rl_config"]["ent_coef"].dump(), "0.01");
    EXPECT_EQ(set.notices(), (Texts{"parameter 'config.rl_config.ent_coef' is 0.01, where "
                                    "'config/ppo.json' has the integer 0."}));
}

TEST_F(RunConfigurationTest, ParametersWinOverForcedValues) {
    auto const set = load({"config.hysr_config.graphics=True", "config.rl_config.save_path='m'",
                           "config.rl_config.log_path='/logs'", "config.rl_config.load_path='/pre'",
                           "config.rl_common_config.random_seed=5"});
    auto const run = set.for_attempt(attempt());
    EXPECT_EQ(file(run, "/wd/run_0.0-0/config/hysr_config.json")["graphics"], true);
    EXPECT_EQ(file(run, "/wd/run_0.0-0/config/rl_config.json")["save_path"], "m");
    EXPECT_EQ(run.save_path, "/wd/run_0.0-0/m");
    EXPECT_EQ(run.log_path, "/logs");
    EXPECT_EQ(run.context.load_path, "/pre");
    EXPECT_EQ(run.context.seed, 5);
}

TEST_F(RunConfigurationTest, AGivenLoadPathIsWhereTheFirstIterationStarts) {
    auto const set = load({"config.rl_config.load_path='/pre'", "training_iterations=2"});
    auto const run = set.for_attempt(attempt({0, 1, 0, 0}, "/wd/run_0.0-0/model"));
    EXPECT_EQ(file(run, "/wd/run_0.1-0/config/rl_config.json")["load_path"], "/wd/run_0.0-0/model");
    EXPECT_EQ(set.notices().size(), 1U);
}

TEST_F(RunConfigurationTest, ForcedValuesStandOnlyWhereTheTemplateHasTheKey) {
    auto files = sample_files();
    files["config/hysr.json"] = files["config/ppo.json"] = files["config/rl_common.json"] = "{}";
    auto const parameters =
        load_parameters({ParameterSource::Kind::dictionary,
                         "{'working_dir': 'wd', 'config.config_templates': 'hp/templates.json'}",
                         {}},
                        reader_of(files));
    auto const set =
        ConfigurationSet::load(make_job_spec(parameters), parameters, reader_of(files));
    auto const run = set.for_attempt(attempt({0, 1, 0, 0}, "/wd/run_0.0-0/model"));
    EXPECT_EQ(run.files[1].content, "{}");
    EXPECT_EQ(run.files[3].content, "{}");
    EXPECT_EQ(run.files[4].content, "{}");
    EXPECT_EQ(run.save_path, "/wd/run_0.1-0/model");
    EXPECT_EQ(run.context.seed, 77);
    EXPECT_EQ(set.steps_per_iteration(), std::nullopt);
}

TEST_F(RunConfigurationTest, StepsComeFromTheConfiguration) {
    EXPECT_EQ(load({}).steps_per_iteration(), 500000);
    EXPECT_EQ(load({"config.rl_config.num_timesteps=2e3"}).steps_per_iteration(), 2000);
    EXPECT_EQ(load({"learner.steps_parameter='rl_config.n_steps'"}).steps_per_iteration(), 5000);
    EXPECT_EQ(load({"learner.steps_parameter=''"}).steps_per_iteration(), std::nullopt);
}

TEST_F(RunConfigurationTest, APartIsAskedForTheStepsThatAreLeft) {
    auto part = attempt({0, 0, 0, 1}, "/wd/run_0.0-0/checkpoints/rl_model_200_steps");
    part.steps_left = 300;
    auto const rl_of = [&](Texts const& overrides) {
        return file(load(overrides).for_attempt(part), "/wd/run_0.0-0.part1/config/rl_config.json");
    };
    EXPECT_EQ(rl_of({})["num_timesteps"], 300);
    EXPECT_EQ(rl_of({})["load_path"], part.load_path);
    EXPECT_EQ(rl_of({"learner.steps_parameter='rl_config.n_steps'"})["n_steps"], 300);
    EXPECT_EQ(rl_of({"learner.steps_parameter=''"})["num_timesteps"], 500000);
    part.steps_left = 0;
    EXPECT_EQ(rl_of({})["num_timesteps"], 500000) << "nobody knows how many are left";
}

TEST_F(RunConfigurationTest, OnlyALearnerThatCanLoadOneGoesOnFromACheckpoint) {
    EXPECT_TRUE(load({}).goes_on_from_checkpoints());
    EXPECT_FALSE(load({"learner.checkpoints=''"}).goes_on_from_checkpoints());
    auto const own = [](std::string const& command, Texts const& more = {}) {
        return load_dictionary(
                   "{'working_dir': 'wd', 'learner': {'command': ['x', '" + command + "']}}", more)
            .goes_on_from_checkpoints();
    };
    EXPECT_FALSE(own("@config@")) << "it may begin anew whatever it is told";
    EXPECT_TRUE(own("--load=@load_path@"));
    EXPECT_TRUE(own("@config@", {"learner.checkpoints='step_*.pt'"}));
    EXPECT_FALSE(own("--load=@load_path@", {"learner.checkpoints=''"}));
}

TEST_F(RunConfigurationTest, WithoutTemplatesTheParametersAreTheConfiguration) {
    auto const set = load_dictionary(
        "{'working_dir': 'wd', 'id': 4, 'lr': 0.1, 'net': {'layers': [8, 8]}, 'max_attempts': 1, "
        "'learner': {'command': ['train'], 'seed_parameter': 'net.seed', 'reward_file': 'r.csv', "
        "'steps_parameter': 'steps'}, 'steps': 100, 'runner.ranks': 1}");
    auto const run = set.for_attempt(attempt());
    ASSERT_EQ(run.files.size(), 1U);
    EXPECT_EQ(run.files[0].path, "/wd/run_0.0-0/config.json");
    EXPECT_EQ(python_json_line(Json::parse(run.files[0].content)),
              R"({"lr": 0.1, "net": {"layers": [8, 8], "seed": 77}, "steps": 100})");
    EXPECT_EQ(run.log_path, "/wd/run_0.0-0");
    EXPECT_EQ(run.reward_path, "/wd/run_0.0-0/r.csv");
    EXPECT_EQ(set.steps_per_iteration(), 100);
}

TEST_F(RunConfigurationTest, AnAttemptChangesNothingForTheNext) {
    auto const set = load({});
    auto const first = set.for_attempt(attempt());
    (void)set.for_attempt(attempt({0, 1, 0, 0}, "/wd/run_0.0-0/model"));
    auto const again = set.for_attempt(attempt());
    EXPECT_TRUE(std::equal(first.files.begin(), first.files.end(), again.files.begin(),
                           [](auto const& a, auto const& b) { return a.content == b.content; }));
}

TEST_F(RunConfigurationTest, TheSameElementTwiceIsRefused) {
    EXPECT_EQ(error_of({"config.hysr_config.robot_position:1=1",
                        "config.hysr_config.robot_position:01=2"}),
              "parameter 'config.hysr_config.robot_position:1' is given twice. Keep one of the "
              "two.");
}

}  // namespace
}  // namespace reprise
