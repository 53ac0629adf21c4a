#include "reprise/parameters/parameters.hpp"

#include <gtest/gtest.h>

#include "input_error_of.hpp"
#include "memory_files.hpp"
#include "reprise/parameters/python_text.hpp"

namespace reprise {
namespace {

Parameters load(std::string const& dictionary, std::vector<std::string> overrides = {}) {
    return load_parameters({ParameterSource::Kind::dictionary, dictionary, std::move(overrides)},
                           reader_of({}));
}
std::string loaded(std::string const& dictionary, std::vector<std::string> overrides = {}) {
    return python_json_line(load(dictionary, std::move(overrides)).values);
}
std::string error_of(std::string const& dictionary, std::vector<std::string> overrides = {}) {
    return input_error_of([&] { (void)load(dictionary, overrides); });
}
std::string nested(std::string const& dictionary) {
    return python_json_line(nested_groups(load(dictionary).values));
}

TEST(ParametersTest, OverridesReplaceAndAdd) {
    EXPECT_EQ(loaded("{'a': 1, 'b': {'c': 2}}", {"a=5", "b.c='text'", " b.new = [1, 2]", "d=None"}),
              R"({"a": 5, "b": {"c": "text", "new": [1, 2]}, "d": null})");
    EXPECT_EQ(loaded("{}", {"a='x=y'"}), R"({"a": "x=y"})");
}

TEST(ParametersTest, OverridesMakeGroupsInConfigRunnerAndLearnerOnly) {
    EXPECT_EQ(loaded("{}", {"config.rl_config.lr=1", "runner.on_exhausted.accept=2",
                            "learner.model='m'"}),
              R"({"config": {"rl_config": {"lr": 1}}, "runner": {"on_exhausted": {"accept": 2}}, )"
              R"("learner": {"model": "m"}})");
    EXPECT_EQ(
        error_of("{'b': {}}", {"x.y=1"}),
        "parameter 'x.y' cannot be set (there is no group 'x'). Known: 'b', 'config', 'runner', "
        "'learner', 'singularity'.");
    EXPECT_EQ(error_of("{'a': 1}", {"a.y=1"}),
              "parameter 'a.y' cannot be set ('a' is no group). Set 'a' itself.");
}

TEST(ParametersTest, AnOverrideFindsAParameterThatHasDotsInItsName) {
    EXPECT_EQ(loaded("{'config.rl_config.lr': 1, 'config': {'hysr_config.x': 2}}",
                     {"config.rl_config.lr=3", "config.hysr_config.x=4"}),
              R"({"config.rl_config.lr": 3, "config": {"hysr_config.x": 4}})");
}

TEST(ParametersTest, RemembersTuplesOfOverridesUntilTheyAreReplaced) {
    auto const tuples = [](std::vector<std::string> overrides) {
        return load("{'t': (1, 2)}", std::move(overrides)).tuples;
    };
    EXPECT_EQ(tuples({}), (std::set<std::string>{}));  // went through JSON at the server
    EXPECT_EQ(tuples({"a=(1, (2,))"}), (std::set<std::string>{"/a", "/a/1"}));
    EXPECT_EQ(tuples({"a=(1, (2,))", "a=[1]"}), (std::set<std::string>{}));
}

TEST(ParametersTest, ReadsFilesByTheirEnding) {
    auto const read = reader_of({{"s.json", R"({"a": 1})"}, {"s.toml", "a = 2"}});
    auto const value = [&](std::string const& path) {
        return load_parameters({ParameterSource::Kind::file, path, {}}, read).values["a"];
    };
    EXPECT_EQ(value("s.json"), 1);
    EXPECT_EQ(value("s.toml"), 2);
    EXPECT_THROW(value("missing.json"), Error);
}

TEST(ParametersTest, TellsAboutNumpyScalarsOnce) {
    EXPECT_EQ(load("{'a': np.float64(0.5), 'b': np.int64(1)}", {"c=np.float64(1.5)"}).notices,
              (std::vector<std::string>{"parameter 'a' and 2 more came as numpy scalars and are "
                                        "taken as plain values (numpy 2 on the server's side)."}));
    EXPECT_TRUE(load("{'a': 0.5}").notices.empty());
}

TEST(NestedGroupsTest, FlatAndNestedNamesMeanTheSame) {
    auto const expected = R"({"config": {"rl_config": {"lr": 1, "n": 2}}, "x.y": 3})";
    EXPECT_EQ(nested("{'config.rl_config.lr': 1, 'config': {'rl_config': {'n': 2}}, 'x.y': 3}"),
              expected);
    EXPECT_EQ(nested("{'config': {'rl_config.lr': 1, 'rl_config': {'n': 2}}, 'x.y': 3}"), expected);
    EXPECT_EQ(nested("{'config': {'rl_config': {'lr': 1, 'n': 2}}, 'x.y': 3}"), expected);
    EXPECT_EQ(nested("{'runner.on_exhausted.accept': 2, 'runner': {'ranks': 1}}"),
              R"({"runner": {"on_exhausted": {"accept": 2}, "ranks": 1}})");
}

TEST(NestedGroupsTest, ValuesAreNotSplit) {
    EXPECT_EQ(nested("{'config': {'f': {'map': {'x.y': 1}}}}"),
              R"({"config": {"f": {"map": {"x.y": 1}}}})");
    EXPECT_EQ(nested("{'config': {'f.map': {'x.y': 1}}}"),
              R"({"config": {"f": {"map": {"x.y": 1}}}})");
    EXPECT_EQ(nested("{'config': {}}"), R"({"config": {}})");
}

TEST(NestedGroupsTest, TwoValuesForOneParameterAreRefused) {
    for (std::string const text :
         {"{'config.f.a': 1, 'config': {'f': {'a': 1}}}", "{'config.f': 1, 'config.f.a': 1}",
          "{'config.f.a': 1, 'config.f': 1}",
          "{'config.f.a': {'b': 1}, 'config': {'f': {'a': 1}}}"}) {
        EXPECT_NE(input_error_of([&] { (void)nested(text); }).find("is given twice"),
                  std::string::npos)
            << text;
    }
}

}  // namespace
}  // namespace reprise
