/// @file The literal parser against the real Python: generate_literals.py writes thousands of
/// literals in all the ways that Python reads, and garbage, with what Python makes of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "reprise/parameters/python_literal.hpp"
#include "reprise/parameters/python_text.hpp"

namespace reprise {
namespace {

struct PipeCloser {
    void operator()(std::FILE* pipe) const { pclose(pipe); }
};

class PythonRoundTripTest : public testing::TestWithParam<int> {
  protected:
    /// Runs the generator and hands each of its lines over.
    template <class Function>
    static void for_each_line(std::string const& arguments, Function const& handle) {
        auto const command = std::string(REPRISE_PYTHON) + " -I '" + REPRISE_SOURCE_DIR +
                             "/tests/unit/parameters/generate_literals.py' " + arguments;
        std::unique_ptr<std::FILE, PipeCloser> const pipe(popen(command.c_str(), "r"));
        ASSERT_TRUE(pipe);
        std::string line;
        for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
            if (c != '\n') {
                line += static_cast<char>(c);
                continue;
            }
            handle(nlohmann::json::parse(line));
            line.clear();
        }
    }
};

TEST_P(PythonRoundTripTest, AgreesWithLiteralEval) {
    int accepted = 0;
    int refused = 0;
    int wrong = 0;
    for_each_line(std::to_string(GetParam()) + " 2500 7500", [&](nlohmann::json const& record) {
        auto const text = record["text"].get<std::string>();
        auto const ours = parse_python_literal(text);
        auto const shown = ours ? python_json_line(ours.value()) : std::string("refused");
        auto const expected =
            record["json"].is_null() ? std::string("refused") : record["json"].get<std::string>();
        ++(record["json"].is_null() ? refused : accepted);
        if (shown != expected && ++wrong <= 10) {
            ADD_FAILURE() << "literal " << record["text"] << "\n  here:   " << shown
                          << "\n  Python: " << expected;
        }
    });
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(accepted, 2500);
    EXPECT_GT(refused, 2500);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PythonRoundTripTest, testing::Range(1, 5));

}  // namespace
}  // namespace reprise
