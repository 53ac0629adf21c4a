/// @file A small sample with attempts, starts and curves, for tests of the results file, and what
/// the stored files hold (tests/data/results/valid).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/results/curve.hpp"
#include "reprise/results/results_store.hpp"
#include "reprise/results/sample_description.hpp"

namespace reprise::test {

/// A new folder of its own, removed at the end. In memory where possible: tests write thousands of
/// damaged files, and whether they are on a disk makes no difference to any of them.
class ResultsFolder {
  public:
    ResultsFolder() {
        for (auto const& parent :
             {std::filesystem::path("/dev/shm"), std::filesystem::temp_directory_path()}) {
            auto name = (parent / "reprise-results-XXXXXX").string();
            if (::mkdtemp(name.data()) == nullptr) continue;
            path_ = name;
            return;
        }
        throw std::runtime_error("no folder for temporary files");
    }
    ResultsFolder(ResultsFolder const&) = delete;
    ResultsFolder& operator=(ResultsFolder const&) = delete;
    ~ResultsFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::filesystem::path operator/(std::string const& name) const {
        return path_ / name;
    }
    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline std::string read_file(std::filesystem::path const& path) {
    std::string bytes(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

inline void write_file(std::filesystem::path const& path, std::string const& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

inline SampleDescription example_sample() {
    return {.parameters = R"({"config": {"learning_rate": 0.0003}, "training_iterations": 2})",
            .canonical = "config.learning_rate=0.0003\ntraining_iterations=2\n",
            .digest = "9f2c6d7a",
            .configurations = {{"reward", R"({"weight": 1.5})"},
                               {"rl", "{\"name\": \"Übung\"}"},
                               {"dir/odd.%name", "{}"},
                               {"", "null"}},
            .commands = {{"learner", "hysr_one_ball_rl config.json"}, {"stop", ""}},
            .versions = {{"hdf5", "1.10.8"}, {"reprise", "0.1.0"}},
            .job_id = 42,
            .working_dir = "/tmp/results/42",
            .created = 1700000000.25};
}

/// Attempt number `n` of a sample with three reruns; every field depends on n.
inline AttemptRecord example_attempt(int n) {
    auto const succeeded = n % 4 != 3;
    return {.key = {.learning_run = n % 3, .iteration = n / 3, .attempt = n % 2, .part = n % 5 / 4},
            .outcome = succeeded ? AttemptOutcome::succeeded : AttemptOutcome::learner_failed,
            .exit_code = succeeded ? 0 : 7,
            .signal = succeeded ? 0 : 9,
            .reward = succeeded ? 0.1 * n : std::numeric_limits<double>::quiet_NaN(),
            .seed = 2147483647 - n,
            .start = 1700000000.5 + n,
            .end = 1700000100.25 + n,
            .steps = 1000 + n,
            .cpu_s = 12.5 + n,
            .peak_memory_mb = 256.125 + n,
            .start_number = n / 6,
            .rank = n % 3,
            .host = "node" + std::to_string(n),
            .cores = "0-3,8",
            .gpus = n % 2 == 0 ? "GPU-" + std::to_string(n) : "",
            .loaded_from = n < 3 ? "" : "run_" + std::to_string(n % 3) + ".0-0",
            .message = succeeded ? "" : "exit code 7 (ValueError: größer als 1)"};
}

inline std::vector<AttemptRecord> example_attempts(int from, int to) {
    std::vector<AttemptRecord> rows;
    for (int n = from; n < to; ++n) rows.push_back(example_attempt(n));
    return rows;
}

inline StartRecord example_start(int number, StartOutcome outcome) {
    return {.number = number,
            .outcome = outcome,
            .start = 1700000000.0 + 1000 * number,
            .end = 1700000500.0 + 1000 * number,
            .ranks = 3,
            .early_reports = 2 + number,
            .trained = outcome == StartOutcome::finished,
            .host = "head"};
}

/// Three columns; an empty cell in the second row.
inline Curve example_curve(AttemptKey const& key) {
    auto const base = 100.0 * key.learning_run + 10.0 * key.iteration;
    return {
        .columns = {"time/total_timesteps", "rollout/ep_rew_mean", "größe"},
        .rows = 2,
        .values = {1000, base + 0.5, -1, 2000, std::numeric_limits<double>::quiet_NaN(), 1e300}};
}

/// Curves of all attempts but those of rerun 2.
inline std::optional<Curve> example_curve_source(AttemptKey const& key) {
    if (key.learning_run == 2) return std::nullopt;
    return example_curve(key);
}

/// The same for whoever compares: a NaN equals a NaN.
inline bool same(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

inline bool same(AttemptRecord a, AttemptRecord b) {
    if (!same(a.reward, b.reward)) return false;
    a.reward = b.reward = 0;
    return a == b;
}

inline bool same(std::vector<AttemptRecord> const& a, std::vector<AttemptRecord> const& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!same(a[i], b[i])) return false;
    return true;
}

inline bool same(History const& a, History const& b) {
    return same(a.attempts, b.attempts) && a.starts == b.starts;
}

inline bool same(Curve const& a, Curve const& b) {
    if (a.columns != b.columns || a.rows != b.rows || a.values.size() != b.values.size())
        return false;
    for (std::size_t i = 0; i < a.values.size(); ++i)
        if (!same(a.values[i], b.values[i])) return false;
    return true;
}

/// Seven attempts in two starts, recorded as a job would.
inline History record_example(ResultsStore& store) {
    store.write(example_start(0, StartOutcome::running));
    store.append(example_attempts(0, 1));
    store.append(example_attempts(1, 6));
    store.write(example_start(0, StartOutcome::resume));
    store.write(example_start(1, StartOutcome::running));
    store.append(example_attempts(6, 7));
    store.write(example_start(1, StartOutcome::finished));
    return {.attempts = example_attempts(0, 7),
            .starts = {example_start(0, StartOutcome::resume),
                       example_start(1, StartOutcome::finished)}};
}

}  // namespace reprise::test
