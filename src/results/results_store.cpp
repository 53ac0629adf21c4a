#include "reprise/results/results_store.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "generation.hpp"
#include "history.hpp"
#include "reprise/core/contract.hpp"
#include "snapshot.hpp"

namespace reprise {

using namespace results;

namespace {

/// The file itself, also where `path` is a symbolic link: a rename would replace the link.
std::string resolved(std::filesystem::path const& path) {
    std::error_code none;
    auto const target = std::filesystem::canonical(path, none);
    return none ? path.string() : target.string();
}

std::string folder_of(std::string const& path) {
    auto const folder = std::filesystem::path(path).parent_path().string();
    return folder.empty() ? "." : folder;
}

}  // namespace

struct ResultsStore::Impl {
    /// Where the states of a start are.
    struct StartSlots {
        std::size_t current = 0;
        std::optional<std::size_t> spare;  ///< an older state, to be written over next
        std::uint32_t revision = 0;        ///< of the current one
    };

    Impl(Files& posix, std::string name) : files(posix), path(std::move(name)) {}

    void open(SampleDescription const& sample, Capacity room);
    void create(SampleDescription const& sample, Capacity room);
    void adopt(Generation existing, SampleDescription const& sample, Capacity room);
    void settle();
    void wipe_failed_rows();
    void snapshot(SnapshotPlan const& plan);
    void publish(Snapshot made);
    void make_room(std::size_t attempts, std::size_t starts);
    void write_durably(std::span<std::byte> rows, std::uint64_t offset);
    void confirm(std::span<std::byte> rows, std::uint64_t offset, std::size_t row_size);

    [[nodiscard]] std::size_t slot_for(std::size_t number);
    [[nodiscard]] bool is_open() const { return current.file.get() >= 0; }

    Files& files;
    std::string path;
    Generation current;
    std::size_t attempts = 0;        ///< rows that count
    std::size_t attempts_dirty = 0;  ///< rows that an append may have written, at least `attempts`
    std::vector<StartSlots> starts;
    std::size_t starts_used = 0;             ///< rows that hold or held a state
    std::optional<std::size_t> start_dirty;  ///< row that a failed write may have written
    bool folder_unsynced = false;            ///< a rename may not be on disk yet
    bool path_uncertain = false;  ///< a rename failed: `path` may or may not be `current`
};

void ResultsStore::Impl::open(SampleDescription const& sample, Capacity room) {
    Generation existing;
    try {
        existing = open_generation(files, path, O_RDWR);
    } catch (Error const& error) {
        if (error.kind() != Error::Kind::not_found) throw;
        create(sample, room);
        return;
    }
    adopt(std::move(existing), sample, room);
}

void ResultsStore::Impl::create(SampleDescription const& sample, Capacity room) {
    SnapshotPlan plan;
    plan.rows = {std::max<std::size_t>(room.attempts, 1), std::max<std::size_t>(room.starts, 1)};
    publish(Snapshot::create(files, path, sample, plan));
}

void ResultsStore::Impl::adopt(Generation existing, SampleDescription const& sample,
                               Capacity room) {
    if (existing.sample.digest != sample.digest)
        throw Error(Error::Kind::mismatch, "continue results file", path,
                    "it belongs to another sample, digest " + existing.sample.digest +
                        " instead of " + sample.digest,
                    "Use another directory, or move the file away to begin anew.");
    current = std::move(existing);
    auto const ignore = [](std::span<std::byte const>) {};
    auto const rows = scan_attempts({current.file, path, current.attempts}, ignore);
    auto const found = scan_starts({current.file, path, current.starts});
    attempts = attempts_dirty = rows.rows;
    starts_used = found.used;
    for (auto const& start : found.starts)
        starts.push_back({start.index, std::nullopt, start.row.revision});
    // Rows that are not confirmed may not be on disk; rows after a damaged one have to move up.
    // Nothing is added to a file of a former version: it becomes one of this version first.
    auto const tidy = current.block.recording && rows.clean && found.clean &&
                      current.block.version == format_version;
    if (!tidy || current.attempts.capacity() - attempts < room.attempts ||
        current.starts.capacity() - starts_used < room.starts) {
        SnapshotPlan plan;
        plan.rows = {attempts + std::max<std::size_t>(room.attempts, 1),
                     starts.size() + std::max<std::size_t>(room.starts, 1)};
        snapshot(plan);
    } else if (files.unlink(temporary_path(path)) != 0 && errno != ENOENT) {
        throw_system_error(errno, "remove", temporary_path(path));
    }
}

/// What a failure has left undone is done before anything new is written.
void ResultsStore::Impl::settle() {
    wipe_failed_rows();
    if (path_uncertain) {
        SnapshotPlan plan;
        plan.rows = {std::max<std::size_t>(current.attempts.capacity(), 1),
                     std::max<std::size_t>(current.starts.capacity(), 1)};
        snapshot(plan);
    }
    if (folder_unsynced) {
        sync_folder(files, folder_of(path));
        folder_unsynced = false;
    }
}

/// Rows of a failed append or write may be whole in the file; but the caller was told that they are
/// not there, and may be about to repeat them.
void ResultsStore::Impl::wipe_failed_rows() {
    if (attempts_dirty > attempts) {
        std::vector<std::byte> const zeros((attempts_dirty - attempts) * attempt_row_size);
        write_all(current.file, zeros, current.attempts.offset_of(attempts), path);
        attempts_dirty = attempts;
    }
    if (start_dirty) {
        std::vector<std::byte> const zeros(start_row_size);
        write_all(current.file, zeros, current.starts.offset_of(*start_dirty), path);
        start_dirty.reset();
    }
}

void ResultsStore::Impl::snapshot(SnapshotPlan const& plan) {
    wipe_failed_rows();
    publish(Snapshot::of(current, path, plan));
}

void ResultsStore::Impl::publish(Snapshot made) {
    path_uncertain = true;
    current = made.publish();
    path_uncertain = false;
    attempts_dirty = attempts;
    starts_used = starts.size();
    for (std::size_t i = 0; i < starts.size(); ++i) {
        starts[i].current = i;
        starts[i].spare.reset();
    }
    folder_unsynced = true;
    sync_folder(files, folder_of(path));
    folder_unsynced = false;
}

/// Sees to it that so many rows more fit.
void ResultsStore::Impl::make_room(std::size_t more_attempts, std::size_t more_starts) {
    auto const enough = [](Table const& table, std::size_t used, std::size_t more) {
        return table.capacity() - used >= more;
    };
    if (enough(current.attempts, attempts, more_attempts) &&
        enough(current.starts, starts_used, more_starts))
        return;
    auto const grown = [](Table const& table, std::size_t used, std::size_t more) {
        return used + more <= table.capacity() ? table.capacity()
                                               : std::max(2 * table.capacity(), used + more);
    };
    SnapshotPlan plan;
    plan.rows = {grown(current.attempts, attempts, std::max<std::size_t>(more_attempts, 1)),
                 grown(current.starts, starts_used, std::max<std::size_t>(more_starts, 1))};
    snapshot(plan);
}

void ResultsStore::Impl::write_durably(std::span<std::byte> rows, std::uint64_t offset) {
    write_all(current.file, rows, offset, path);
    int result = 0;
    do {
        result = files.fdatasync(current.file.get());
    } while (result != 0 && errno == EINTR);
    if (result != 0) throw_system_error(errno, "write results file", path);
}

/// Says of rows that are on disk that they are. Only a hint for the reader, so neither awaited nor
/// an error when it fails: the bytes that it changes are those that say so.
void ResultsStore::Impl::confirm(std::span<std::byte> rows, std::uint64_t offset,
                                 std::size_t row_size) {
    for (std::size_t at = 0; at < rows.size(); at += row_size)
        set_confirmed(rows.subspan(at, row_size));
    static_cast<void>(write_fully(files, current.file.get(), rows, offset));
}

/// The row for the next state of a start. Never the one with the current state.
std::size_t ResultsStore::Impl::slot_for(std::size_t number) {
    if (number < starts.size() && starts[number].spare) return *starts[number].spare;
    make_room(0, 1);
    return starts_used;
}

ResultsStore::ResultsStore(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ResultsStore::ResultsStore(ResultsStore&&) noexcept = default;
ResultsStore& ResultsStore::operator=(ResultsStore&&) noexcept = default;
ResultsStore::~ResultsStore() = default;

ResultsStore ResultsStore::create_or_open(std::filesystem::path const& path,
                                          SampleDescription const& sample, Capacity room,
                                          Files& files) {
    auto impl = std::make_unique<Impl>(files, resolved(path));
    impl->open(sample, room);
    return ResultsStore(std::move(impl));
}

SampleDescription const& ResultsStore::stored_sample() const noexcept {
    return impl_->current.sample;
}

History ResultsStore::load_history() const {
    REPRISE_EXPECT(impl_->is_open());
    impl_->wipe_failed_rows();
    return read_history(impl_->current, impl_->path);
}

void ResultsStore::append(std::span<AttemptRecord const> rows) {
    REPRISE_EXPECT(impl_->is_open());
    for (auto const& row : rows) REPRISE_EXPECT(is_known(row.outcome));
    if (rows.empty()) return;
    auto& file = *impl_;
    file.settle();
    file.make_room(rows.size(), 0);
    std::vector<std::byte> bytes(rows.size() * attempt_row_size);
    for (std::size_t i = 0; i < rows.size(); ++i)
        encode(rows[i], false, std::span(bytes).subspan(i * attempt_row_size, attempt_row_size));
    auto const offset = file.current.attempts.offset_of(file.attempts);
    file.attempts_dirty = file.attempts + rows.size();
    file.write_durably(bytes, offset);
    file.attempts += rows.size();
    file.attempts_dirty = file.attempts;
    file.confirm(bytes, offset, attempt_row_size);
}

void ResultsStore::write(StartRecord const& row) {
    REPRISE_EXPECT(impl_->is_open());
    REPRISE_EXPECT(is_known(row.outcome));
    auto& file = *impl_;
    REPRISE_EXPECT(row.number >= 0);
    auto const number = static_cast<std::size_t>(row.number);
    REPRISE_EXPECT(number <= file.starts.size());
    file.settle();
    auto const slot = file.slot_for(number);
    auto const is_new = number == file.starts.size();
    auto const revision = is_new ? 0 : file.starts[number].revision + 1;
    std::vector<std::byte> bytes(start_row_size);
    encode(StartRow{revision, row}, false, bytes);
    auto const offset = file.current.starts.offset_of(slot);
    file.start_dirty = slot;
    file.write_durably(bytes, offset);
    file.start_dirty.reset();
    file.starts_used = std::max(file.starts_used, slot + 1);
    if (is_new) {
        file.starts.push_back({slot, std::nullopt, revision});
    } else {
        auto& slots = file.starts[number];
        slots = {slot, slots.current, revision};
    }
    file.confirm(bytes, offset, start_row_size);
}

void ResultsStore::seal(CurveSource const& source) {
    REPRISE_EXPECT(impl_->is_open());
    SnapshotPlan plan;
    plan.at_rest = true;
    if (source) plan.curves = &source;
    impl_->snapshot(plan);
}

void ResultsStore::close() {
    REPRISE_EXPECT(impl_->is_open());
    impl_->current.file.close(impl_->path);
}

}  // namespace reprise
