#include "reprise/parameters/sample_digest.hpp"

#include <gtest/gtest.h>

#include "../../../src/parameters/sha256.hpp"
#include "sample_files.hpp"

namespace reprise {
namespace {

using Texts = std::vector<std::string>;

SampleDigest digest(Texts overrides, MemoryFiles const& files = sample_files()) {
    auto const parameters =
        load_parameters({ParameterSource::Kind::dictionary,
                         "{'working_dir': 'wd', 'config.config_templates': 'hp/templates.json'}",
                         std::move(overrides)},
                        reader_of(files));
    auto const spec = make_job_spec(parameters);
    return digest_sample(spec, ConfigurationSet::load(spec, parameters, reader_of(files)));
}

std::string difference(Texts before, Texts now) {
    return first_difference(digest(std::move(before)).text, digest(std::move(now)).text)
        .value_or("");
}

TEST(Sha256Test, MatchesTheStandardsExamples) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(SampleDigestTest, DefaultsAndTheirValuesAreTheSame) {
    EXPECT_EQ(digest({}).hex, digest({"learning_runs_per_job=3", "learner.model='model'",
                                      "config.rl_config.num_hidden=380"})
                                  .hex);
    EXPECT_EQ(digest({}).hex, sha256_hex(digest({}).text));
}

TEST(SampleDigestTest, WhereAndHowLongItRunsMayChange) {
    EXPECT_EQ(difference({}, {"runner.ranks=2",
                              "runner.launcher='none'",
                              "max_attempts=9",
                              "runner.mpirun_args=['-v']",
                              "runner.iterations_per_job=3",
                              "runner.on_exhausted.accept=2",
                              "runner.results_dir='r'",
                              "runner.max_restarts=3",
                              "runner.stop_grace_s=1",
                              "runner.run_time_limit_s=9",
                              "runner.stall_timeout_s=9",
                              "runner.memory_limit_mb=9",
                              "runner.stop_signal='INT'",
                              "runner.on_term='silent'",
                              "runner.container='none'",
                              "runner.tmp_size_mb=5",
                              "runner.cores='all'",
                              "working_dir='elsewhere'",
                              "id=5",
                              "note='mine'"}),
              "");
}

TEST(SampleDigestTest, NamesTheFirstDifferenceWithBothValues) {
    EXPECT_EQ(difference({}, {"config.rl_config.learning_rate=0.001"}),
              "parameter 'config.rl_config.learning_rate' is 0.001 and was 0.00015 when this "
              "sample was begun (one results file holds one sample). Use another working_dir, or "
              "what it was.");
    auto const begins = [](std::string const& text, std::string const& begin) {
        EXPECT_EQ(text.substr(0, begin.size()), begin);
    };
    begins(difference({}, {"learning_runs_per_job=5"}),
           "parameter 'learning_runs_per_job' is 5 and was 3 when");
    begins(difference({}, {"config.hysr_config.robot_position:2=1"}),
           "parameter 'config.hysr_config.robot_position:2' is 1 and was 1.21 when");
    begins(difference({}, {"learner.command=['a']"}),
           "parameter 'learner.command:0' is 'a' and was 'hysr_one_ball_rl' when");
    begins(difference({"runner.reducers=['iqm']"}, {}),
           "parameter 'runner.reducers' is [] and was not there when");
    begins(difference({"runner.base_seed=1"}, {}),
           "parameter 'runner.base_seed' is None and was 1 when");
}

TEST(SampleDigestTest, AChangedTemplateIsADifference) {
    auto files = sample_files();
    files["config/ppo.json"].replace(files["config/ppo.json"].find("5000,"), 5, "6000,");
    auto const text = first_difference(digest({}).text, digest({}, files).text).value_or("");
    EXPECT_EQ(text.substr(0, 60), "parameter 'config.rl_config.n_steps' is 6000 and was 5000 wh");
}

TEST(SampleDigestTest, AStoredTextThatCannotBeReadIsADifference) {
    EXPECT_TRUE(first_difference("{", digest({}).text));
    EXPECT_FALSE(first_difference(digest({}).text, digest({}).text));
}

}  // namespace
}  // namespace reprise
