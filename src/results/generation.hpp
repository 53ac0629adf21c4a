/// @file One generation of a results file: an open descriptor whose content has been checked.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "hdf5_driver.hpp"
#include "io.hpp"
#include "reprise/results/sample_description.hpp"
#include "tables.hpp"
#include "user_block.hpp"

namespace reprise::results {

struct Generation {
    FileDescriptor file;
    UserBlock block;
    Table attempts;
    Table starts;
    SampleDescription sample;
};

/// Opens a file and checks it as a whole. Throws Error: not_found, permission, corrupt, mismatch.
[[nodiscard]] Generation open_generation(Files& files, std::string const& path, int flags);

/// Finds a table by asking HDF5, and checks that it is one piece with rows of this size.
/// Throws Hdf5Error.
[[nodiscard]] Table find_table(hid_t file, char const* name, std::size_t row_size);

/// Takes the body of a file from the start to its end: `copy` gets what HDF5 and snapshots have
/// written, with its place in the file; the bytes in place are passed over and count as zeros.
/// Returns the checksum. Throws Error.
std::uint32_t checksum_of_body(
    FileDescriptor const& file, UserBlock const& block, std::string const& path,
    std::function<void(std::span<std::byte const>, std::uint64_t offset)> const& copy);

}  // namespace reprise::results
