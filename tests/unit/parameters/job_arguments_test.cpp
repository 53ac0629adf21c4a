#include "reprise/parameters/job_arguments.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "data_files.hpp"
#include "input_error_of.hpp"
#include "memory_files.hpp"
#include "reprise/parameters/parameters.hpp"

namespace reprise {
namespace {

using Kind = ParameterSource::Kind;
using Arguments = std::vector<std::string>;

TEST(JobArgumentsTest, ReadsTheFormOfClusterUtils3) {
    auto const job = parse_job_arguments({"--job-id=4", "--cluster-utils-server=10.0.0.1:4711",
                                          "--parameter-dict", "{'a': 1}", "b=2"});
    EXPECT_EQ(job.server, (ServerAddress{"10.0.0.1", 4711}));
    EXPECT_EQ(job.job_id, 4);
    EXPECT_EQ(job.source, (ParameterSource{Kind::dictionary, "{'a': 1}", {"b=2"}}));
}

TEST(JobArgumentsTest, TakesOptionsInAnyOrderAndWithASpace) {
    auto const job = parse_job_arguments({"--parameter-dict", "{}", "--cluster-utils-server",
                                          "host:1", "--job-id", "0", "--", "-b=2"});
    EXPECT_EQ(job.server, (ServerAddress{"host", 1}));
    EXPECT_EQ(job.job_id, 0);
    EXPECT_EQ(job.source, (ParameterSource{Kind::dictionary, "{}", {"-b=2"}}));
}

TEST(JobArgumentsTest, ReadsTheFormOfClusterUtils2) {
    auto const job =
        parse_job_arguments({"{'_id': 7, 'ip': 'fe80::1', 'port': 4711}", "{'a': 1}", "b=2"});
    EXPECT_EQ(job.server, (ServerAddress{"fe80::1", 4711}));
    EXPECT_EQ(job.job_id, 7);
    EXPECT_EQ(job.source, (ParameterSource{Kind::dictionary, "{'a': 1}", {"b=2"}}));
}

TEST(JobArgumentsTest, ReadsTheFormsByHand) {
    auto const file = parse_job_arguments({"settings.json", "a=1"});
    EXPECT_FALSE(file.server);
    EXPECT_EQ(file.source, (ParameterSource{Kind::file, "settings.json", {"a=1"}}));
    auto const dictionary = parse_job_arguments({" {'a': 1}", "b=2"});
    EXPECT_EQ(dictionary.source, (ParameterSource{Kind::dictionary, " {'a': 1}", {"b=2"}}));
    EXPECT_EQ(parse_job_arguments({"--job-id=3", "s.toml"}).job_id, 3);
}

TEST(JobArgumentsTest, TakesIpv6WithAndWithoutBrackets) {
    auto const server_of = [](std::string const& text) {
        return parse_job_arguments({"--job-id=1", "--cluster-utils-server=" + text, "s.json"})
            .server;
    };
    EXPECT_EQ(server_of("[::1]:123"), (ServerAddress{"::1", 123}));
    EXPECT_EQ(server_of("::1:123"), (ServerAddress{"::1", 123}));
    EXPECT_EQ(server_of("[2001:db8::1]:65535"), (ServerAddress{"2001:db8::1", 65535}));
}

TEST(JobArgumentsTest, KnowsTheServerBeforeTheParametersAreRead) {
    auto const job = parse_job_arguments(
        {"--job-id=4", "--cluster-utils-server=h:1", "--parameter-dict", "{'a': nan}"});
    EXPECT_TRUE(job.server);
    EXPECT_NE(input_error_of([&] { (void)load_parameters(job.source, reader_of({})); }), "");
}

/// The golden command lines, as the client read them.
class GoldenCommandsTest : public testing::Test {
  protected:
    static std::vector<nlohmann::ordered_json> records() {
        std::istringstream lines(data_file("golden/commands.jsonl"));
        std::vector<nlohmann::ordered_json> result;
        for (std::string line; std::getline(lines, line);) {
            auto record = nlohmann::ordered_json::parse(line);
            if (!record["argv"].is_null()) result.push_back(std::move(record));
        }
        return result;
    }
    static Parameters parse(nlohmann::ordered_json const& record) {
        auto const argv = record["argv"].get<Arguments>();
        auto const job = parse_job_arguments({argv.begin() + 1, argv.end()});
        EXPECT_EQ(job.server, (ServerAddress{"127.0.0.1", 40999}));
        return load_parameters(job.source, reader_of({}));
    }
};

TEST_F(GoldenCommandsTest, GiveTheParametersThatTheClientGot) {
    int compared = 0;
    for (auto const& record : records()) {
        auto const name = record["case"].get<std::string>();
        if (record["parsed"].is_null() || name == "ints" || name == "smart-settings") continue;
        EXPECT_EQ(parse(record).values.dump(), record["parsed"].dump()) << name;
        ++compared;
    }
    EXPECT_EQ(compared, 11);
}

TEST_F(GoldenCommandsTest, DifferWhereTheClientWouldEvaluateBracesOrFail) {
    int compared = 0;
    for (auto const& record : records()) {
        auto const name = record["case"].get<std::string>();
        auto const error = input_error_of([&] { (void)parse(record); });
        if (name == "smart-settings") {
            EXPECT_EQ(parse(record).values["a"], "{b}");
        } else if (name == "nan" || name == "inf") {
            EXPECT_EQ(error, "parameter 'a' is " + name +
                                 " (not a finite number). Give it a finite number.");
        } else if (name == "ints") {
            EXPECT_EQ(error.substr(0, 49), "parameter 'c' is 100000000000000000000 (an intege");
        } else {
            continue;
        }
        ++compared;
    }
    EXPECT_EQ(compared, 4);
}

}  // namespace
}  // namespace reprise
