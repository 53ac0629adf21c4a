// What it costs to record one more run, with R recorded already:  reprise_bench_record [FOLDER]
//
// Prints microseconds per durable record (median), alone and when ten end together, beside the
// least a disk can do for rows of this size: raw append + fdatasync, and a write into written zeros
// + fdatasync. The three take turns, so that a busy disk is busy for all; the ratio is of medians.
// Then what the snapshots at the end cost, and the memory. FOLDER: on the disk that is meant
// (default: the current one).
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reprise/results/results_store.hpp"

namespace {

using namespace reprise;

constexpr int rounds = 120;
constexpr std::size_t row_size = 606;

AttemptRecord row(int n) {
    AttemptRecord record;
    record.key.learning_run = n;
    record.outcome = AttemptOutcome::succeeded;
    record.exit_code = 0;
    record.reward = 0.5 * n;
    record.seed = n;
    record.host = "node17";
    record.cores = "0-3";
    return record;
}

std::vector<AttemptRecord> rows(int from, int count) {
    std::vector<AttemptRecord> result;
    for (int n = from; n < from + count; ++n) result.push_back(row(n));
    return result;
}

double microseconds_of(std::function<void()> const& action) {
    auto const start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
        .count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Rows of the same size without any format.
class RawFile {
  public:
    RawFile(std::filesystem::path const& path, std::size_t written, std::size_t used)
        : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
          at_(used * row_size) {
        std::vector<char> const block(row_size * 1000);
        for (std::size_t left = written; left > 0; left -= std::min<std::size_t>(left, 1000)) {
            auto const size = row_size * std::min<std::size_t>(left, 1000);
            if (::write(fd_, block.data(), size) != static_cast<ssize_t>(size))
                throw std::runtime_error("raw write failed");
        }
        ::fsync(fd_);
    }
    RawFile(RawFile const&) = delete;
    RawFile& operator=(RawFile const&) = delete;
    ~RawFile() { ::close(fd_); }

    void append(std::size_t count) {
        std::vector<char> const bytes(count * row_size, 'x');
        if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at_)) !=
                static_cast<ssize_t>(bytes.size()) ||
            ::fdatasync(fd_) != 0)
            throw std::runtime_error("raw write failed");
        at_ += bytes.size();
    }

  private:
    int fd_;
    std::size_t at_;
};

long peak_memory_kib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Curve small_curve(AttemptKey const& key) {
    return {.columns = {"time/total_timesteps", "rollout/ep_rew_mean", "rollout/ep_len_mean"},
            .rows = 5,
            .values = std::vector<double>(15, key.learning_run)};
}

void measure(std::filesystem::path const& folder, int recorded) {
    auto const path = folder / "record.h5";
    std::filesystem::remove(path);
    std::size_t const room = static_cast<std::size_t>(recorded) + 12 * rounds;
    auto store = ResultsStore::create_or_open(path, {}, {room, 4});
    for (int n = 0; n < recorded; n += 1000) store.append(rows(n, std::min(1000, recorded - n)));
    auto const used = static_cast<std::size_t>(recorded);
    RawFile raw(folder / "record.raw", used, used);
    RawFile zeros(folder / "record.zeros", room, used);
    int next = recorded;
    for (int const batch : {1, 10}) {
        std::vector<double> ours, appended, in_place;
        for (int round = 0; round < rounds; ++round) {
            auto const records = rows(next, batch);
            next += batch;
            auto const count = static_cast<std::size_t>(batch);
            ours.push_back(microseconds_of([&] { store.append(records); }));
            appended.push_back(microseconds_of([&] { raw.append(count); }));
            in_place.push_back(microseconds_of([&] { zeros.append(count); }));
        }
        std::printf("%8d %5d %10.1f %10.1f %10.1f %8.2f %8.2f\n", recorded, batch,
                    median(ours) / batch, median(appended) / batch, median(in_place) / batch,
                    median(ours) / median(appended), median(ours) / median(in_place));
    }
    auto const seal_us = microseconds_of([&] { store.seal(small_curve); });
    auto const reopen_us = microseconds_of([&] {
        auto again = ResultsStore::create_or_open(path, {}, {room, 4});
        again.close();
    });
    std::printf(
        "%8d  seal with %d curves %.2f s, opened again %.3f s, file %.1f MiB, peak memory "
        "so far %.0f MiB\n",
        recorded, next, seal_us / 1e6, reopen_us / 1e6,
        static_cast<double>(std::filesystem::file_size(path)) / (1 << 20),
        static_cast<double>(peak_memory_kib()) / 1024);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        auto folder = (std::filesystem::path(argc > 1 ? argv[1] : ".") / "bench-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
        std::printf("us per record: results file, raw append, raw into zeros; ratios to both\n");
        std::printf("recorded batch    results     append      zeros / append  / zeros\n");
        for (int const recorded : {10, 1000, 100000}) measure(folder, recorded);
        std::filesystem::remove_all(folder);
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
