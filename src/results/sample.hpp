/// @file The group `/sample` and the attributes of the root group.
#pragma once

#include <cstdint>

#include "hdf5_handle.hpp"
#include "reprise/results/sample_description.hpp"

namespace reprise::results {

/// Writes the group `/sample` into a file that has none. Throws Hdf5Error.
void write_sample(hid_t file, SampleDescription const& sample);
/// Throws Hdf5Error.
[[nodiscard]] SampleDescription read_sample(hid_t file);

/// Writes the attributes of the root group, for those who look at the file with other tools: they
/// say what the first 512 bytes say. Throws Hdf5Error.
void write_file_attributes(hid_t file, std::uint64_t generation, bool recording);

/// Reads or writes an attribute that is one text. Throw Hdf5Error.
void write_text_attribute(hid_t object, char const* name, std::string const& text);

}  // namespace reprise::results
