/// @file Runs every case of tests/data/errors/parameters.json, from which docs/errors.md is made.
///
/// A case has argv (what follows `reprise job`), files (beside sample_files() and settings.json),
/// and the exact message. A file that is null does not exist.
#include <gtest/gtest.h>

#include <set>

#include "data_files.hpp"
#include "input_error_of.hpp"
#include "reprise/parameters/job_arguments.hpp"
#include "reprise/parameters/job_spec.hpp"
#include "reprise/parameters/run_configuration.hpp"
#include "sample_files.hpp"

namespace reprise {
namespace {

using Json = nlohmann::ordered_json;

/// All that happens before a job starts, and its error.
std::string error_of(Json const& input) {
    auto files = sample_files();
    files["settings.json"] =
        R"({"working_dir": "wd", "config": {"config_templates": "hp/templates.json"}})";
    auto const given = input.value("files", Json::object());
    for (auto const& [path, content] : given.items()) {
        if (content.is_null()) {
            files.erase(path);
        } else {
            files[path] = content.get<std::string>();
        }
    }
    auto const read_file = reader_of(files);
    try {
        return input_error_of([&] {
            auto const job = parse_job_arguments(input["argv"].get<std::vector<std::string>>());
            auto const parameters = load_parameters(job.source, read_file);
            (void)ConfigurationSet::load(make_job_spec(parameters), parameters, read_file);
        });
    } catch (Error const& error) {
        return error.what();
    }
}

TEST(ErrorCasesTest, EveryCaseGivesItsMessage) {
    auto const cases = Json::parse(data_file("errors/parameters.json"));
    std::set<std::string> names;
    for (auto const& entry : cases) {
        auto const name = entry["case"].get<std::string>();
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_EQ(error_of(entry["input"]), entry["message"].get<std::string>()) << name;
    }
    EXPECT_GE(cases.size(), 100U);
}

TEST(ErrorCasesTest, MessagesAreOneLineThatEndsInAPoint) {
    for (auto const& entry : Json::parse(data_file("errors/parameters.json"))) {
        auto const message = entry["message"].get<std::string>();
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
        EXPECT_TRUE(message.ends_with('.') || message.ends_with('?')) << message;
        EXPECT_LE(message.size(), 300U) << message;
    }
}

}  // namespace
}  // namespace reprise
