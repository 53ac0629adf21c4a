/// @file What a program sees that knows HDF5 and nothing of Reprise.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace reprise::test {

/// The `outcome` of every row of a table, read by name as any HDF5 program would.
inline std::vector<unsigned char> outcomes_by_plain_hdf5(std::filesystem::path const& path,
                                                         char const* table) {
    auto const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) throw std::runtime_error("HDF5 cannot open " + path.string());
    auto const dataset = H5Dopen2(file, table, H5P_DEFAULT);
    auto const type = H5Tcreate(H5T_COMPOUND, 1);
    auto const stored = H5Dget_type(dataset);
    auto const member =
        H5Tget_member_type(stored, static_cast<unsigned>(H5Tget_member_index(stored, "outcome")));
    H5Tinsert(type, "outcome", 0, member);
    auto const space = H5Dget_space(dataset);
    std::vector<unsigned char> outcomes(
        static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    auto const result = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, outcomes.data());
    H5Sclose(space);
    H5Tclose(member);
    H5Tclose(stored);
    H5Tclose(type);
    H5Dclose(dataset);
    H5Fclose(file);
    if (result < 0) throw std::runtime_error("HDF5 cannot read " + path.string());
    return outcomes;
}

/// The name that the file itself has for an outcome; empty: it has none.
inline std::string outcome_name_by_plain_hdf5(std::filesystem::path const& path, char const* table,
                                              unsigned char outcome) {
    auto const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) throw std::runtime_error("HDF5 cannot open " + path.string());
    auto const dataset = H5Dopen2(file, table, H5P_DEFAULT);
    auto const stored = H5Dget_type(dataset);
    auto const member =
        H5Tget_member_type(stored, static_cast<unsigned>(H5Tget_member_index(stored, "outcome")));
    char name[64] = {};
    auto const found = H5Tenum_nameof(member, &outcome, name, sizeof name);
    H5Tclose(member);
    H5Tclose(stored);
    H5Dclose(dataset);
    H5Fclose(file);
    return found < 0 ? std::string() : name;
}

}  // namespace reprise::test
