#include "reprise/parameters/python_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;

TEST(PythonTextTest, FloatsLookAsPythonPrintsThem) {
    EXPECT_EQ(python_float(0.0), "0.0");
    EXPECT_EQ(python_float(-0.0), "-0.0");
    EXPECT_EQ(python_float(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(python_float(0.0001), "0.0001");
    EXPECT_EQ(python_float(0.00001), "1e-05");
    EXPECT_EQ(python_float(-1.5e-7), "-1.5e-07");
    EXPECT_EQ(python_float(1e15), "1000000000000000.0");
    EXPECT_EQ(python_float(1e16), "1e+16");
    EXPECT_EQ(python_float(123456789.123), "123456789.123");
    EXPECT_EQ(python_float(5e-324), "5e-324");
    EXPECT_EQ(python_float(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
    EXPECT_EQ(python_float(std::nan("")), "nan");
    EXPECT_EQ(python_float(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(PythonTextTest, ReprChoosesQuotesAndEscapesAsPython) {
    EXPECT_EQ(python_repr(Json("it's")), "\"it's\"");
    EXPECT_EQ(python_repr(Json("'\"")), R"('\'"')");
    EXPECT_EQ(python_repr(Json("\\\n\r\t\x01\x7f")), R"('\\\n\r\t\x01\x7f')");
    EXPECT_EQ(python_repr(Json("Größe \u2603 \u00a0 \u200b \U0001f3d3")),
              R"('Größe ☃ \xa0 \u200b 🏓')");
    EXPECT_EQ(python_repr(Json::parse(R"({"a": [null, true, 1, 2.0], "b": {}})")),
              "{'a': [None, True, 1, 2.0], 'b': {}}");
}

TEST(PythonTextTest, JsonLooksAsJsonDumpWritesIt) {
    auto const value =
        Json::parse(R"({"b": [1, {"c": []}], "a": {}, "s": "\u00f6\"\u007f🏓/\b"})");
    EXPECT_EQ(python_json(value),
              "{\n    \"b\": [\n        1,\n        {\n            \"c\": []\n        }\n    ],\n"
              "    \"a\": {},\n    \"s\": \"\\u00f6\\\"\\u007f\\ud83c\\udfd3/\\b\"\n}");
    EXPECT_EQ(python_json(Json::parse(R"({"b": 1, "a": 1e-7})"), KeyOrder::sorted),
              "{\n    \"a\": 1e-07,\n    \"b\": 1\n}");
    EXPECT_EQ(python_json_line(Json::parse("[1, {\"a\": 1.0}]")), "[1, {\"a\": 1.0}]");
}

TEST(PythonTextTest, PointerStepsAreEscaped) { EXPECT_EQ(pointer_step("a/b~c"), "/a~1b~0c"); }

}  // namespace
}  // namespace reprise
