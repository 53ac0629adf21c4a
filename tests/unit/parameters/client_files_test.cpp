#include "reprise/parameters/client_files.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "data_files.hpp"
#include "input_error_of.hpp"
#include "memory_files.hpp"

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;

/// A start by hand as the real client was started, beside what it wrote.
class GoldenRunsTest : public testing::Test {
  protected:
    static Parameters load(std::string const& run) {
        auto const folder = "golden/runs/" + run + "/";
        auto const overwrites = Json::parse(data_file(folder + "overwrites.json"));
        return load_parameters({ParameterSource::Kind::file, "input.json", overwrites},
                               reader_of({{"input.json", data_file(folder + "input.json")}}));
    }
    static std::string written(std::string const& run, std::string const& name) {
        return data_file("golden/runs/" + run + "/wd/" + name);
    }
    /// Without the three defaults, which the client does not know of.
    static std::string param_choice(Parameters const& parameters) {
        auto text = param_choice_csv(parameters);
        auto const cut = [&](std::string const& tail, std::size_t line_end) {
            auto const at = line_end - tail.size();
            EXPECT_EQ(text.substr(at, tail.size()), tail);
            text.erase(at, tail.size());
        };
        cut(",1,3,3", text.size() - 2);
        cut(",training_iterations,learning_runs_per_job,max_attempts", text.find("\r\n"));
        return text;
    }
    static std::string error_of(std::string const& run) {
        return input_error_of([&] { (void)load(run); });
    }
};

TEST_F(GoldenRunsTest, SettingsAndParametersAreWhatTheClientWrote) {
    for (std::string const run :
         {"plain", "overwrite", "comment-null", "elapsed-taken", "multiline"}) {
        auto const parameters = load(run);
        EXPECT_EQ(settings_json(parameters), written(run, "settings.json")) << run;
        EXPECT_EQ(param_choice(parameters), written(run, "param_choice.csv")) << run;
    }
}

TEST_F(GoldenRunsTest, EveryTypeIsWhatTheClientWroteButTheHugeInteger) {
    auto input = data_file("golden/runs/types/input.json");
    auto settings = written("types", "settings.json");
    auto parameters = written("types", "param_choice.csv");
    EXPECT_NE(error_of("types"), "");
    for (auto* const text : {&input, &settings, &parameters}) {
        std::string const huge = "100000000000000000000";
        text->replace(text->find(huge), huge.size(), "10000000000000000000");
    }
    auto const loaded = load_parameters({ParameterSource::Kind::file, "input.json", {}},
                                        reader_of({{"input.json", input}}));
    EXPECT_EQ(settings_json(loaded), settings);
    EXPECT_EQ(param_choice(loaded), parameters);
}

TEST_F(GoldenRunsTest, MetricsAreWhatTheClientWrote) {
    constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
    constexpr auto inf = std::numeric_limits<double>::infinity();
    // metrics_given.py.txt, and the time that the client added.
    std::vector<std::pair<std::string, Json>> const cases{
        {"plain", {{"mean", 0.5}, {"std", 0.25}, {"time_elapsed", 12.5}}},
        {"overwrite", {{"np", 0.1}, {"np32", 0.1}, {"arr", 0.3}, {"time_elapsed", 12.5}}},
        {"comment-null", {{"x", 0.1 + 0.2}, {"time_elapsed", 12.5}}},
        {"elapsed-taken", {{"time_elapsed", 7}, {"x", true}}},
        {"multiline", {{"s", "l1\nl2"}, {"time_elapsed", 12.5}}},
        {"types",
         {{"m", 1e-07},
          {"nan", nan},
          {"inf", -inf},
          {"i", 3},
          {"s", "a,b"},
          {"none", nullptr},
          {"time_elapsed", 12.5}}},
    };
    for (auto const& [run, metrics] : cases) {
        EXPECT_EQ(metrics_csv(metrics), written(run, "metrics.csv")) << run;
    }
}

TEST_F(GoldenRunsTest, WhatTheClientRefusedIsRefused) {
    EXPECT_EQ(error_of("duplicate"),
              "parameter 'a' stands twice in 'input.json'. Keep one of the two.");
    EXPECT_EQ(error_of("reserved"),
              "parameter '_id' is reserved for cluster_utils. Choose another name.");
    EXPECT_EQ(
        error_of("bad-overwrite"),
        "parameter 'x.y' cannot be set (there is no group 'x'). Known: 'b', 'config', 'runner', "
        "'learner', 'singularity'.");
    EXPECT_EQ(error_of("bad-literal"),
              "value 'hello' of parameter 'a' is no Python literal (at offset 0: 'hello' is not a "
              "value, text needs quotes). Write text in quotes: a='text'.");
}

/// The job of the seed, whose parameters held its own forced values when they were written.
TEST(GoldenSeedJobTest, FilesAreWhatTheSeedWrote) {
    auto const dictionary = data_file("golden/seed_job/parameter_dict.txt");
    auto const given =
        load_parameters({ParameterSource::Kind::dictionary, dictionary, {}}, reader_of({}));
    EXPECT_EQ(settings_json(given), data_file("golden/seed_job/settings.json"));
    auto const with_forced =
        load_parameters({ParameterSource::Kind::dictionary,
                         dictionary,
                         {"config.hysr_config.graphics=False", "config.hysr_config.xterms=False",
                          "config.rl_config.load_path='@WORKING_DIR@/run_1.0-0/model'",
                          "config.rl_config.save_path='@WORKING_DIR@/run_1.1-0/model'",
                          "config.rl_config.log_path='@WORKING_DIR@/run_1.1-0/training_logs'"}},
                        reader_of({}));
    EXPECT_EQ(param_choice_csv(with_forced), data_file("golden/seed_job/param_choice.csv"));
    EXPECT_EQ(metrics_csv({{"mean_eprewmean", 0.015023338157894738},
                           {"std_eprewmean", 0.004147811842105267},
                           {"time_elapsed", 10.029834747314453}}),
              data_file("golden/seed_job/metrics.csv"));
}

TEST(ClientFilesTest, DefaultsOfTheCountersFollow) {
    Parameters parameters;
    parameters.values = {{"max_attempts", 5}, {"empty", Json::object()}, {"a", nullptr}};
    EXPECT_EQ(param_choice_csv(parameters),
              "max_attempts,a,training_iterations,learning_runs_per_job\r\n5,,1,3\r\n");
}

TEST(ClientFilesTest, ASingleEmptyFieldIsQuoted) {
    EXPECT_EQ(metrics_csv({{"a", nullptr}}), "a\r\n\"\"\r\n");
    EXPECT_EQ(metrics_csv(Json::object()), "\r\n\r\n");
}

}  // namespace
}  // namespace reprise
