/// @file Makes a new generation of a results file: a file beside it, synced, renamed over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "generation.hpp"
#include "reprise/results/results_store.hpp"

namespace reprise::results {

struct SnapshotPlan {
    /// Of the file at rest: no empty rows, nothing in place. Otherwise the tables have `rows`.
    bool at_rest = false;
    /// Rows of both tables, empty ones too; at least one each, and those that exist.
    Capacity rows{};
    /// Asked for every curve that is not in the file yet; null: none are added.
    CurveSource const* curves = nullptr;
};

/// The name under which a snapshot is being made.
[[nodiscard]] std::string temporary_path(std::string const& path);

/// A generation under its temporary name, complete and synced; removed again unless publish() was
/// called.
class Snapshot {
  public:
    /// The first generation of a file.
    static Snapshot create(Files& files, std::string const& path, SampleDescription const& sample,
                           SnapshotPlan const& plan);
    /// The next generation: all of `source`, its rows that count moved together, as confirmed ones.
    static Snapshot of(Generation const& source, std::string const& path, SnapshotPlan const& plan);

    Snapshot(Snapshot const&) = delete;
    Snapshot& operator=(Snapshot const&) = delete;
    Snapshot(Snapshot&& other) noexcept;
    Snapshot& operator=(Snapshot&&) = delete;
    ~Snapshot();

    /// Renames it over `path`. Throws Error; then nobody can be sure which one is there (over NFS
    /// a rename may have happened and be reported as failed).
    Generation publish();

  private:
    Snapshot(Files& files, std::string const& path);
    void make(Generation const* source, SampleDescription const& sample, SnapshotPlan const& plan);
    void write_hdf5(Generation const* source, SnapshotPlan const& plan);
    void write_objects(hid_t file, Generation const* source, SnapshotPlan const& plan);
    void add_curves(hid_t file, Generation const& source, CurveSource const& curves);
    void write_rows(Generation const& source);
    void finish();

    Files* files_;
    std::string path_;
    Generation made_;
    bool published_ = false;
};

}  // namespace reprise::results
