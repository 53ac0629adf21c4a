/// @file The group `/curves`.
#pragma once

#include <string>
#include <vector>

#include "hdf5_handle.hpp"
#include "reprise/core/attempt.hpp"
#include "reprise/results/curve.hpp"

namespace reprise::results {

/// The group with all curves of an open file. Every call may throw Hdf5Error.
class Curves {
  public:
    /// An empty one, in a file that has none.
    [[nodiscard]] static Curves create(hid_t file);
    [[nodiscard]] static Curves open(hid_t file);

    [[nodiscard]] bool contains(AttemptKey const& key) const;
    /// Expects that it does not contain the key. A curve without columns is not kept.
    void add(AttemptKey const& key, Curve const& curve);
    /// Expects that it contains the key.
    [[nodiscard]] Curve read(AttemptKey const& key) const;
    /// Expects that it contains the key.
    void remove(AttemptKey const& key);
    /// Sorted.
    [[nodiscard]] std::vector<AttemptKey> keys() const;
    void close() { group_.close(); }

  private:
    explicit Curves(Hdf5Group group) : group_(std::move(group)) {}
    Hdf5Group group_;
};

}  // namespace reprise::results
