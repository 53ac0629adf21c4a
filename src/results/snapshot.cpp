#include "snapshot.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "curves.hpp"
#include "reprise/core/contract.hpp"
#include "rows.hpp"
#include "sample.hpp"

namespace reprise::results {
namespace {

/// Makes the dataset of a table, without room for its rows.
Hdf5Dataset create_table(hid_t file, char const* name, Hdf5Type const& type, std::size_t rows) {
    hsize_t const extent = rows;
    Hdf5Space const space(H5Screate_simple(1, &extent, nullptr), "H5Screate_simple");
    Hdf5Properties const creation(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate");
    checked(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), "H5Pset_layout");
    checked(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_LATE), "H5Pset_alloc_time");
    checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_ALLOC), "H5Pset_fill_time");
    checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times");
    return {
        H5Dcreate2(file, name, type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
        "H5Dcreate"};
}

/// Makes the room for its rows, of zeros that are really written: later writes into them need no
/// new blocks, so a full disk does not stop the recording.
void fill_table(Hdf5Dataset& dataset, Hdf5Type const& type) {
    Hdf5Space const space(H5Dget_space(dataset.get()), "H5Dget_space");
    if (checked(H5Sget_simple_extent_npoints(space.get()), "H5Sget_simple_extent_npoints") > 0) {
        hsize_t const first = 0;
        checked(H5Sselect_elements(space.get(), H5S_SELECT_SET, 1, &first), "H5Sselect_elements");
        Hdf5Space const one(H5Screate(H5S_SCALAR), "H5Screate");
        std::vector<std::byte> const row(H5Tget_size(type.get()));
        checked(
            H5Dwrite(dataset.get(), type.get(), one.get(), space.get(), H5P_DEFAULT, row.data()),
            "H5Dwrite");
    }
    dataset.close();
}

TableView attempts_of(Generation const& generation, std::string const& path) {
    return {generation.file, path, generation.attempts};
}

TableView starts_of(Generation const& generation, std::string const& path) {
    return {generation.file, path, generation.starts};
}

std::size_t count_attempts(Generation const& source, std::string const& path) {
    return scan_attempts(attempts_of(source, path), [](std::span<std::byte const>) {}).rows;
}

AttemptKey attempt_of(AttemptKey key) {
    key.part = 0;
    return key;
}

/// The last parts of those attempts that have more than one.
std::set<AttemptKey> last_parts_of(Generation const& source, std::string const& path) {
    std::map<AttemptKey, int> parts;
    scan_attempts(attempts_of(source, path), [&](std::span<std::byte const> row) {
        auto const key = decode_attempt(row).key;
        if (key.part > 0) parts[attempt_of(key)] = key.part;
    });
    std::set<AttemptKey> last;
    for (auto const& [attempt, part] : parts) {
        auto key = attempt;
        key.part = part;
        last.insert(key);
    }
    return last;
}

/// Those of the parts before this one.
std::vector<AttemptKey> earlier_curves(Curves const& group, AttemptKey key) {
    std::vector<AttemptKey> found;
    while (key.part-- > 0) {
        if (group.contains(key)) found.push_back(key);
    }
    return found;
}

/// Writes rows one after another, many at a time.
class RowWriter {
  public:
    RowWriter(FileDescriptor const& file, std::string const& path, Table const& table)
        : file_(file), path_(path), offset_(table.where.offset), end_(table.where.end()) {
        buffer_.reserve(chunk_size);
    }
    void add(std::span<std::byte const> row) {
        if (buffer_.size() + row.size() > chunk_size) flush();
        buffer_.insert(buffer_.end(), row.begin(), row.end());
        set_confirmed(std::span(buffer_).last(row.size()));
    }
    void flush() {
        REPRISE_ASSERT(offset_ + buffer_.size() <= end_);
        write_all(file_, buffer_, offset_, path_);
        offset_ += buffer_.size();
        buffer_.clear();
    }

  private:
    FileDescriptor const& file_;
    std::string const& path_;
    std::uint64_t offset_;
    std::uint64_t end_;
    std::vector<std::byte> buffer_;
};

}  // namespace

std::string temporary_path(std::string const& path) { return path + ".tmp"; }

Snapshot::Snapshot(Files& files, std::string const& path) : files_(&files), path_(path) {
    auto const temporary = temporary_path(path);
    if (files.unlink(temporary) != 0 && errno != ENOENT)
        throw_system_error(errno, "remove", temporary);
    made_.file = open_file(files, temporary, O_RDWR | O_CREAT | O_EXCL, "create results file");
}

Snapshot::Snapshot(Snapshot&& other) noexcept
    : files_(other.files_),
      path_(std::move(other.path_)),
      made_(std::move(other.made_)),
      published_(std::exchange(other.published_, true)) {}

Snapshot::~Snapshot() {
    if (!published_) files_->unlink(temporary_path(path_));
}

Snapshot Snapshot::create(Files& files, std::string const& path, SampleDescription const& sample,
                          SnapshotPlan const& plan) {
    Snapshot snapshot(files, path);
    snapshot.make(nullptr, sample, plan);
    return snapshot;
}

Snapshot Snapshot::of(Generation const& source, std::string const& path, SnapshotPlan const& plan) {
    Snapshot snapshot(source.file.files(), path);
    snapshot.make(&source, source.sample, plan);
    return snapshot;
}

void Snapshot::make(Generation const* source, SampleDescription const& sample,
                    SnapshotPlan const& plan) {
    made_.sample = sample;
    made_.block.generation = source != nullptr ? source->block.generation + 1 : 1;
    made_.block.recording = !plan.at_rest;
    if (source != nullptr) {
        // To its full length, the rows being left out: HDF5 refuses a file that is cut off.
        if (files_->ftruncate(made_.file.get(), user_block_size + source->block.body_length) != 0)
            throw_system_error(errno, "write results file", path_);
        auto const copy = [&](std::span<std::byte const> bytes, std::uint64_t offset) {
            write_all(made_.file, bytes, offset, path_);
        };
        // Checked once more: damage done since the file was opened must not get a new checksum.
        if (checksum_of_body(source->file, source->block, path_, copy) !=
            source->block.body_checksum)
            throw corrupt_file(path_, "it was damaged while it was in use");
    }
    write_hdf5(source, plan);
    if (source != nullptr) write_rows(*source);
    finish();
}

void Snapshot::write_hdf5(Generation const* source, SnapshotPlan const& plan) {
    auto const mode = source != nullptr ? ChannelFile::Mode::change : ChannelFile::Mode::create;
    int failure = 0;
    try {
        ChannelFile hdf5(*files_, made_.file.get(), mode);
        try {
            write_objects(hdf5.id(), source, plan);
            hdf5.close();
        } catch (Hdf5Error const&) {
            failure = hdf5.failure();
            if (failure == 0) throw;
        }
        if (failure == 0) failure = hdf5.failure();
    } catch (Hdf5Error const& error) {
        throw Error(Error::Kind::other, "write results file", path_, error.what(),
                    "This may be a bug in reprise; what was recorded is kept.");
    }
    if (failure != 0) throw_system_error(failure, "write results file", path_);
}

// The tables are last in the file, and HDF5 gives back space at the end of a file. So they are
// removed first and made anew last, their rows after all else, and however often a job starts again
// the file does not grow.
void Snapshot::write_objects(hid_t file, Generation const* source, SnapshotPlan const& plan) {
    if (source != nullptr) {
        for (auto const* name : {"attempts", "starts"})
            checked(H5Ldelete(file, name, H5P_DEFAULT), "H5Ldelete");
        if (plan.curves != nullptr) add_curves(file, *source, *plan.curves);
    } else {
        write_sample(file, made_.sample);
        Curves::create(file).close();
    }
    write_file_attributes(file, made_.block.generation, made_.block.recording);
    auto rows = plan.rows;
    if (plan.at_rest)
        rows = source == nullptr ? Capacity{0, 0}
                                 : Capacity{count_attempts(*source, path_),
                                            scan_starts(starts_of(*source, path_)).starts.size()};
    auto const attempt_type = attempt_row_type();
    auto const start_type = start_row_type();
    auto attempts = create_table(file, "attempts", attempt_type, rows.attempts);
    auto starts = create_table(file, "starts", start_type, rows.starts);
    // HDF5 puts off where parts of large groups go until it writes them: now, before the rows.
    checked(H5Fflush(file, H5F_SCOPE_LOCAL), "H5Fflush");
    fill_table(attempts, attempt_type);
    fill_table(starts, start_type);
    made_.attempts = find_table(file, "attempts", attempt_row_size);
    made_.starts = find_table(file, "starts", start_row_size);
}

void Snapshot::add_curves(hid_t file, Generation const& source, CurveSource const& curves) {
    auto group = Curves::open(file);
    auto const last_parts = last_parts_of(source, path_);
    // The curve of a later part has those of the earlier ones in it. They go first, all of them, so
    // that their room is used again.
    for (auto const& last : last_parts) {
        auto const old = earlier_curves(group, last);
        if (old.empty() || group.contains(last) || !curves(last)) continue;
        for (auto const& key : old) group.remove(key);
    }
    scan_attempts(attempts_of(source, path_), [&](std::span<std::byte const> row) {
        auto const key = decode_attempt(row).key;
        auto const last = last_parts.lower_bound(attempt_of(key));
        bool const went_on = last != last_parts.end() && attempt_of(*last) == attempt_of(key) &&
                             key.part < last->part;
        if (went_on || group.contains(key)) return;
        if (auto const curve = curves(key)) group.add(key, *curve);
    });
    group.close();
}

void Snapshot::write_rows(Generation const& source) {
    RowWriter attempts(made_.file, path_, made_.attempts);
    std::vector<std::byte> converted(attempt_row_size);
    scan_attempts(attempts_of(source, path_), [&](std::span<std::byte const> row) {
        if (row.size() == attempt_row_size) {
            attempts.add(row);
        } else {
            encode(decode_attempt(row), true, converted);
            attempts.add(converted);
        }
    });
    attempts.flush();
    RowWriter starts(made_.file, path_, made_.starts);
    std::vector<std::byte> bytes(start_row_size);
    for (auto const& start : scan_starts(starts_of(source, path_)).starts) {
        encode(start.row, true, bytes);
        starts.add(bytes);
    }
    starts.flush();
}

void Snapshot::finish() {
    auto const size = files_->size(made_.file.get());
    if (size < 0) throw_system_error(errno, "write results file", path_);
    made_.block.body_length = static_cast<std::uint64_t>(size) - user_block_size;
    if (made_.block.recording) made_.block.in_place = {made_.attempts.where, made_.starts.where};
    auto const ignore = [](std::span<std::byte const>, std::uint64_t) {};
    made_.block.body_checksum = checksum_of_body(made_.file, made_.block, path_, ignore);
    write_all(made_.file, encode(made_.block), 0, path_);
    if (files_->fsync(made_.file.get()) != 0)
        throw_system_error(errno, "write results file", path_);
}

Generation Snapshot::publish() {
    if (files_->rename(temporary_path(path_), path_) != 0)
        throw_system_error(errno, "rename results file to", path_);
    published_ = true;
    return std::move(made_);
}

}  // namespace reprise::results
