#include "reprise/parameters/settings_text.hpp"

#include <gtest/gtest.h>

#include "input_error_of.hpp"
#include "reprise/parameters/python_text.hpp"

namespace reprise {
namespace {

std::string json(std::string_view text) {
    return python_json_line(parse_json_text(text, "s.json"));
}
std::string toml(std::string_view text) {
    return python_json_line(parse_toml_text(text, "s.toml"));
}
std::string json_error(std::string_view text) {
    return input_error_of([&] { (void)parse_json_text(text, "s.json"); });
}
std::string toml_error(std::string_view text) {
    return input_error_of([&] { (void)parse_toml_text(text, "s.toml"); });
}

TEST(JsonSettingsTest, KeepsOrderAndTypes) {
    EXPECT_EQ(json(R"({"b": 1, "a": [1.0, -2, 18446744073709551615, null, true, "\u00f6"]})"),
              R"({"b": 1, "a": [1.0, -2, 18446744073709551615, null, true, "\u00f6"]})");
}

TEST(JsonSettingsTest, NamesAMemberThatStandsTwice) {
    EXPECT_EQ(json_error(R"({"a": {"b": 1, "b": 2}})"),
              "parameter 'a.b' stands twice in 's.json'. Keep one of the two.");
}

TEST(JsonSettingsTest, NamesNumbersThatCannotBe) {
    EXPECT_EQ(json_error(R"({"a": [1, NaN]})"),
              "parameter 'a:1' in 's.json' is NaN (not a finite number). Give it a finite number.");
    EXPECT_EQ(json_error(R"({"a": {"b": -Infinity}})"),
              "parameter 'a.b' in 's.json' is -Infinity (not a finite number). Give it a finite "
              "number.");
    EXPECT_EQ(json_error(R"({"a": 1e999})"),
              "parameter 'a' in 's.json' is 1e999 (too large for a floating-point number). Give it "
              "a finite number.");
    EXPECT_EQ(json_error(R"({"a": [[], 100000000000000000000]})"),
              "parameter 'a:1' in 's.json' is 100000000000000000000 (an integer beyond 64 bits). "
              "Write it as a float, such as 1e20.");
}

TEST(JsonSettingsTest, SaysWhereTheSyntaxIsWrong) {
    EXPECT_EQ(json_error("{\"a\": 1,\n  // two\n}"),
              "cannot read 's.json' (line 2, column 3: a comment). JSON has no comments, remove "
              "it.");
    EXPECT_EQ(json_error("{\"a\": 1,\n # two\n}"),
              "cannot read 's.json' (line 2, column 2: a comment). JSON has no comments, remove "
              "it.");
    EXPECT_EQ(json_error("{\"a\": 1"),
              "cannot read 's.json' (line 1, column 8: the text ends in the middle). Correct the "
              "JSON there.");
    EXPECT_EQ(json_error("{\"a\": 1,}"),
              "cannot read 's.json' (line 1, column 9: unexpected '}'). Correct the JSON there.");
    EXPECT_EQ(json_error("{\"a\": 1} x").substr(0, 40), "cannot read 's.json' (line 1, column 10:");
    EXPECT_EQ(json_error(""),
              "cannot read 's.json' (line 1, column 1: the text ends in the "
              "middle). Correct the JSON there.");
    EXPECT_EQ(json_error("{\"a\": \"\xff\"}"),
              "cannot read 's.json' (it is not UTF-8). Save it as UTF-8 text.");
}

TEST(JsonSettingsTest, NestsToALimit) {
    EXPECT_EQ(json_error(std::string(200, '[') + std::string(200, ']')), "");
    EXPECT_EQ(json_error(std::string(1'000'000, '[')),
              "cannot read 's.json' (brackets nest deeper than 200 levels).");
}

TEST(TomlSettingsTest, KeepsTheOrderOfFirstAppearance) {
    EXPECT_EQ(toml("z = 1\na = \"x\"\n[runner]\nranks = 2\n[config.rl]\nlr = 1e-3\n[b]\n"
                   "list = [1, 2.0, true]\n[config.hysr]\nx = 1\n"),
              R"({"z": 1, "a": "x", "runner": {"ranks": 2}, "config": {"rl": {"lr": 0.001}, )"
              R"("hysr": {"x": 1}}, "b": {"list": [1, 2.0, true]}})");
    EXPECT_EQ(toml("b.y = 1\na = 2\nb.x = 3\n"), R"({"b": {"y": 1, "x": 3}, "a": 2})");
}

TEST(TomlSettingsTest, NamesWhatJsonCannotHold) {
    EXPECT_EQ(toml_error("[a]\nb = [1, nan]"),
              "parameter 'a.b:1' in 's.toml' is nan (not a finite number). Give it a finite "
              "number.");
    EXPECT_EQ(toml_error("a = 2024-01-01"),
              "parameter 'a' in 's.toml' is a date or time. Write it as a string.");
}

TEST(TomlSettingsTest, SaysWhereTheSyntaxIsWrong) {
    EXPECT_EQ(toml_error("a = 1\na = 2"),
              "cannot read 's.toml' (line 2, column 5: Error while parsing key-value pair: cannot "
              "redefine existing integer 'a'). Correct the TOML there.");
    EXPECT_EQ(toml_error("a = ").substr(0, 37), "cannot read 's.toml' (line 1, column ");
}

}  // namespace
}  // namespace reprise
