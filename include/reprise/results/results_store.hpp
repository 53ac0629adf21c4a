/// @file Where rank 0 keeps what must survive: one HDF5 file. docs/results_file.md describes the
/// format and what is guaranteed when.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include "reprise/core/attempt.hpp"
#include "reprise/core/doors.hpp"
#include "reprise/results/curve.hpp"
#include "reprise/results/files.hpp"
#include "reprise/results/sample_description.hpp"

namespace reprise {

/// Room for rows that are still to come. More is made when it runs out, at the cost of a snapshot.
struct Capacity {
    std::size_t attempts = 64;
    std::size_t starts = 8;  ///< a start that is written again takes two
};

/// Gives the learning curve of an attempt that is in the table, or nothing when it has left none:
/// over all its parts up to that of the key. Only asked for the last part that is in the table.
/// May throw: the seal is then given up and the exception passes through.
using CurveSource = std::function<std::optional<Curve>(AttemptKey const&)>;

/// The results file, open for recording.
///
/// Between snapshots nothing but rows in their places is written, with HDF5 out of the way, so the
/// file opens after a kill at any instant and a row costs the same however many there are: one
/// write, one fdatasync, one write that nobody waits for. A snapshot is a new file renamed over the
/// old one; it is made when the file is opened without enough room, when the room is used up (it is
/// doubled), and by seal().
///
/// Expects to be the only writer: the lock on the working directory is the caller's.
/// One thread at a time for all readers and stores of a process (HDF5).
class ResultsStore final : public DurableStore {
  public:
    /// Makes the file, or opens it when it exists; then its description stays as it is, and
    /// `sample` only has to have the same digest. (To say which parameter has changed, look with a
    /// ResultsReader first: nothing is altered by that.) Removes what a killed job left of a
    /// snapshot. Throws Error: mismatch (other digest, newer format), corrupt, no_space,
    /// permission, not_found (the folder), other; the file is then as it was.
    [[nodiscard]] static ResultsStore create_or_open(std::filesystem::path const& path,
                                                     SampleDescription const& sample, Capacity room,
                                                     Files& files = posix_files());

    ResultsStore(ResultsStore const&) = delete;
    ResultsStore& operator=(ResultsStore const&) = delete;
    ResultsStore(ResultsStore&&) noexcept;
    ResultsStore& operator=(ResultsStore&&) noexcept;
    /// Like close(), but silent.
    ~ResultsStore() override;

    [[nodiscard]] SampleDescription const& stored_sample() const noexcept;
    /// As ResultsReader::load_history().
    [[nodiscard]] History load_history() const;

    /// Expects outcomes other than `none`. After an Error (no_space, other) the rows count as not
    /// written; the call may be repeated, with these rows or others. Texts longer than attempt.hpp
    /// says are cut between two UTF-8 characters.
    void append(std::span<AttemptRecord const> rows) override;
    /// Expects a number from 0 to the number of starts so far. After an Error the former state of
    /// the start is what counts.
    void write(StartRecord const& row) override;

    /// Makes the file that is left at rest: the tables without empty rows, and every curve that it
    /// does not have yet. Takes room for a second copy of the file and time that grows with it;
    /// when it throws the file is as it was, complete but for the curves. A later append or write
    /// turns the file into one in use again.
    void seal(CurveSource const& source);

    /// Closes the file; nothing else may be called after it. What append and write have returned
    /// from is safe without it. Throws Error when the operating system reports one.
    void close();

  private:
    struct Impl;
    explicit ResultsStore(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};
static_assert(std::is_nothrow_move_constructible_v<ResultsStore> &&
              std::is_nothrow_move_assignable_v<ResultsStore>);

}  // namespace reprise
