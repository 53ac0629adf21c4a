#include "reprise/parameters/python_literal.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "reprise/parameters/python_text.hpp"

namespace reprise {
namespace {

/// The value as JSON on one line, or "refused".
std::string read(std::string_view text) {
    auto const result = parse_python_literal(text);
    return result ? python_json_line(result.value()) : "refused";
}

LiteralError error_of(std::string_view text, std::string_view name = {}) {
    auto const outcome = read_python_literal(text, name);
    auto const* const error = std::get_if<LiteralError>(&outcome);
    return error == nullptr ? LiteralError{0, "(no error)", false} : *error;
}

PythonLiteral literal_of(std::string_view text) {
    return std::get<PythonLiteral>(read_python_literal(text));
}

TEST(PythonLiteralTest, TakesWhatLiteralEvalTakes) {
    std::vector<std::pair<std::string, std::string>> const cases{
        {"None", "null"},
        {"[True, False,]", "[true, false]"},
        {"{'a': 1, \"b\": [2.5, 'x']}", R"({"a": 1, "b": [2.5, "x"]})"},
        {"()", "[]"},
        {"(1)", "1"},
        {"1,", "[1]"},
        {"1, 2", "[1, 2]"},
        {"{1, 1.0, True, 2}", "[1, 2]"},
        {"set ( )", "[]"},
        {"{1: 'a', 0.5: 'b', None: 'c', True: 'd'}", "refused"},  // 1 and True are the same key
        {"{2: 'a', 0.5: 'b', None: 'c', False: 'd'}",
         R"({"2": "a", "0.5": "b", "null": "c", "false": "d"})"},
        {"0x_fF", "255"},
        {"1_000", "1000"},
        {"0_7.5", "7.5"},
        {"1.", "1.0"},
        {"- .5e-0_1", "-0.05"},
        {"-(1)", "-1"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"1e-400", "0.0"},
        {"5e-324", "5e-324"},
        {"-0.0", "-0.0"},
        {"u'a' R'\\n' '''b'\n'''", R"("a\\nb'\n")"},
        {R"('\x41\101\u0042\U00000043\q\'')", R"("AABC\\q'")"},
        {"'a\\\nb'", "\"ab\""},
        {"'\\ud83c' '\\udfd3'", R"("\ud83c\udfd3")"},
        {" \t[1, # one\n 2\n]\n # end\n", "[1, 2]"},
        {"#\n1", "1"},
        {"1 \\\n", "refused"},
        {"'{b} {'", R"("{b} {")"},
    };
    for (auto const& [text, json] : cases) EXPECT_EQ(read(text), json) << text;
}

TEST(PythonLiteralTest, RefusesEverythingElse) {
    for (std::string const text : {"",
                                   " ",
                                   "#",
                                   "1 2",
                                   "[1,,2]",
                                   "[,]",
                                   "(,)",
                                   "{,}",
                                   "[1",
                                   "]",
                                   "{'a'}: 1",
                                   "{'a': }",
                                   "{'a', 'b': 1}",
                                   "{1: 2, 3}",
                                   "+-1",
                                   "--1",
                                   "-True",
                                   "-'a'",
                                   "-[]",
                                   "~1",
                                   "not 1",
                                   "1+1",
                                   "1+2j",
                                   "2j",
                                   "01",
                                   "1__0",
                                   "1_",
                                   "0x",
                                   "0b2",
                                   "0o8",
                                   "1e",
                                   "1.5.2",
                                   "1if",
                                   "b'a'",
                                   "f'a'",
                                   "rb'a'",
                                   "ur'a'",
                                   "'a' b'b'",
                                   "'a",
                                   "'a\nb'",
                                   "'''a''",
                                   "'\\x4'",
                                   "'\\u12'",
                                   "'\\U00110000'",
                                   "'\\N{BULLET}'",
                                   "'\\ud800'",
                                   "{[1]: 2}",
                                   "{{1}}",
                                   "{(1,): 2}",
                                   "...",
                                   "true",
                                   "null",
                                   "x",
                                   "set([1])",
                                   "dict()",
                                   "[*[1]]",
                                   "{**{}}",
                                   "lambda: 1",
                                   "1;",
                                   "\n 1",
                                   "1\n 2",
                                   "1\n ",
                                   "\uFEFF1",
                                   "\u00a01",
                                   "'\xff'",
                                   "1 \\",
                                   "[1 \\ ]",
                                   "np.array([1])",
                                   "np.float64",
                                   "np.int64(0.5)",
                                   "np.float64('1')"}) {
        EXPECT_EQ(read(text), "refused") << text;
    }
    EXPECT_EQ(read(std::string_view("1\0", 2)), "refused");
}

TEST(PythonLiteralTest, TellsWhereItStopped) {
    EXPECT_EQ(error_of("{'a': 1, 'b' 2}").offset, 13U);
    EXPECT_EQ(error_of("{'a': 1, 'b' 2}").what, "expected ':' after a key");
    EXPECT_EQ(error_of("[1, 2").what, "expected ',' or ']', but the text ends");
    EXPECT_EQ(error_of("{'a': true}").offset, 6U);
    EXPECT_EQ(error_of("{'a': true}").what, "'true' is not a value, write True");
    EXPECT_FALSE(error_of("{'a': true}").names_parameter);
}

TEST(PythonLiteralTest, NamesTheParameterThatJsonCannotHold) {
    EXPECT_EQ(error_of("{'config': {'rl_config': {'lr': nan}}}").what,
              "parameter 'config.rl_config.lr' is nan (not a finite number). Give it a finite "
              "number.");
    EXPECT_EQ(error_of("{'a': [1, -inf]}").what,
              "parameter 'a:1' is -inf (not a finite number). Give it a finite number.");
    EXPECT_EQ(error_of("np.float64(nan)", "a.b").what,
              "parameter 'a.b' is nan (not a finite number). Give it a finite number.");
    EXPECT_EQ(error_of("1e999", "a").what,
              "parameter 'a' is 1e999 (too large for a floating-point number). Give it a finite "
              "number.");
    EXPECT_EQ(error_of("{'a': -9223372036854775809}").what,
              "parameter 'a' is -9223372036854775809 (an integer beyond 64 bits). Write it as a "
              "float, such as 1e20.");
    EXPECT_EQ(error_of("{'a': {'b': 1, 'b': 2}}").what,
              "parameter 'a.b' is given twice. Keep one of the two.");
    EXPECT_EQ(error_of("{1: 2, '1': 2}").what,
              "parameter '1' is given twice. Keep one of the two.");
    EXPECT_TRUE(error_of("{'a': nan}").names_parameter);
}

TEST(PythonLiteralTest, DoesNotMistakeHugeExponents) {
    EXPECT_EQ(read("0e99999999999999999999"), "0.0");
    EXPECT_EQ(read("1e-99999999999999999999"), "0.0");
    EXPECT_EQ(read("1e9223372036854775807"), "refused");
    EXPECT_EQ(read("1" + std::string(400, '0') + "e-400"), "1.0");
    EXPECT_EQ(read("0." + std::string(400, '0') + "1e401"), "1.0");
    EXPECT_EQ(read("1" + std::string(400, '0') + ".0"), "refused");
}

TEST(PythonLiteralTest, TellsLargeIntegersOfASetApart) {
    EXPECT_EQ(read("{-9223372036854775808, 9223372036854775808}"),
              "[-9223372036854775808, 9223372036854775808]");
    EXPECT_EQ(read("{9223372036854775807, 9223372036854775808.0}"),
              "[9223372036854775807, 9.223372036854776e+18]");
    EXPECT_EQ(read("{9223372036854775808, 9223372036854775808.0}"), "[9223372036854775808]");
}

TEST(PythonLiteralTest, TakesNumpyScalarsAndSaysSo) {
    auto const literal = literal_of(
        "{'a': np.float64(0.5), 'b': [numpy.int32(-3), np.True_], 'c': np.str_('x'), "
        "'d': np.float32(1), 'e': np.bool_(False)}");
    EXPECT_EQ(python_json_line(literal.value),
              R"({"a": 0.5, "b": [-3, true], "c": "x", "d": 1.0, "e": false})");
    EXPECT_EQ(literal.numpy_scalars, (std::vector<std::string>{"a", "b:0", "b:1", "c", "d", "e"}));
}

TEST(PythonLiteralTest, RemembersWhichListsWereTuples) {
    auto const shown = [](std::string_view text) {
        auto const literal = literal_of(text);
        return python_repr(literal.value, {literal.tuples.begin(), literal.tuples.end()});
    };
    for (std::string const text :
         {"(1, 2)", "(1,)", "()", "[(1,), [2], ((),)]", "{'a/~': ((1, (2,)), [3])}",
          "([(1,)], (2, 3))", "(((1,), 2), 3)"}) {
        EXPECT_EQ(shown(text), text);
    }
    EXPECT_EQ(shown("{(1, (2,)), (1.0, (2.0,)), (3,)}"), "[(1, (2,)), (3,)]");
    EXPECT_EQ(shown("1, (2,)"), "(1, (2,))");
}

TEST(PythonLiteralTest, NestsAsDeepAsPythonAndNoDeeper) {
    auto const nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_NE(read(nested(200)), "refused");
    EXPECT_EQ(error_of(nested(201)).what, "brackets nest deeper than 200 levels");
    EXPECT_EQ(read(nested(1'000'000)), "refused");
}

}  // namespace
}  // namespace reprise
