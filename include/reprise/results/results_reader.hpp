/// @file Reads a results file. The format is described in docs/results_file.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "reprise/core/attempt.hpp"
#include "reprise/core/doors.hpp"
#include "reprise/results/curve.hpp"
#include "reprise/results/files.hpp"
#include "reprise/results/sample_description.hpp"

namespace reprise {

/// What a results file says about itself.
struct ResultsFileInfo {
    std::uint32_t format_version = 0;
    std::uint64_t generation = 0;  ///< snapshots made so far; the first file has 1
    bool recording = false;        ///< rows may be added in place: in use, or its job was killed
    std::size_t attempt_capacity = 0;  ///< rows of the table `attempts`, empty ones too
    std::size_t start_capacity = 0;    ///< rows of the table `starts`, empty ones too

    friend bool operator==(ResultsFileInfo const&, ResultsFileInfo const&) = default;
};

/// One generation of a results file, checked as a whole when it is opened and open until the reader
/// goes. A file in use may be read at any time: tables are read anew at each call, and a generation
/// that has been replaced meanwhile stays readable. Never writes, never locks.
/// One thread at a time for all readers and stores of a process (HDF5).
class ResultsReader {
  public:
    /// Throws Error: not_found, permission, corrupt (not a results file, cut off, a flipped byte,
    /// changed by another program) or mismatch (a newer format version).
    [[nodiscard]] static ResultsReader open(std::filesystem::path const& path,
                                            Files& files = posix_files());

    ResultsReader(ResultsReader const&) = delete;
    ResultsReader& operator=(ResultsReader const&) = delete;
    ResultsReader(ResultsReader&&) noexcept;
    ResultsReader& operator=(ResultsReader&&) noexcept;
    ~ResultsReader();

    [[nodiscard]] ResultsFileInfo const& info() const noexcept;
    [[nodiscard]] SampleDescription const& sample() const noexcept;

    /// All rows, in the order of writing; each start once, in its latest state. Throws Error
    /// (corrupt) when a row that was announced is damaged or missing.
    [[nodiscard]] History load_history() const;
    /// The same rows of `attempts` one by one, in constant memory.
    void for_each_attempt(std::function<void(AttemptRecord const&)> const& visit) const;
    [[nodiscard]] std::vector<StartRecord> load_starts() const;

    /// The attempts whose curves are in the file, in the order of the keys.
    [[nodiscard]] std::vector<AttemptKey> curves() const;
    [[nodiscard]] std::optional<Curve> curve(AttemptKey const& key) const;

  private:
    struct Impl;
    explicit ResultsReader(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};
static_assert(std::is_nothrow_move_constructible_v<ResultsReader> &&
              std::is_nothrow_move_assignable_v<ResultsReader>);

}  // namespace reprise
