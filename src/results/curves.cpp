#include "curves.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "rows.hpp"

namespace reprise::results {
namespace {

/// HDF5 keeps an attribute in one message of its object, which ends at 64 KiB.
constexpr std::size_t max_column_names_size = 60000;

/// The key of a directory name, run_R.I-A or run_R.I-A.partN.
std::optional<AttemptKey> key_of(std::string_view name) {
    AttemptKey key;
    std::array<std::pair<std::string_view, int*>, 4> const parts{{{"run_", &key.learning_run},
                                                                  {".", &key.iteration},
                                                                  {"-", &key.attempt},
                                                                  {".part", &key.part}}};
    auto rest = name;
    for (auto const& [prefix, number] : parts) {
        if (rest.empty() && number == &key.part) break;
        if (!rest.starts_with(prefix)) return std::nullopt;
        rest.remove_prefix(prefix.size());
        auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), *number);
        if (error != std::errc{}) return std::nullopt;
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    }
    if (directory_name(key) != name) return std::nullopt;
    return key;
}

/// Bytes that each name takes, its NUL included.
std::size_t name_size(std::vector<std::string> const& names) {
    std::size_t size = 0;
    for (auto const& name : names) size = std::max(size, name.size());
    return size + 1;
}

void write_columns(hid_t dataset, std::vector<std::string> const& columns) {
    auto const size = name_size(columns);
    std::string bytes(size * columns.size(), '\0');
    for (std::size_t i = 0; i < columns.size(); ++i)
        std::copy(columns[i].begin(), columns[i].end(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(i * size));
    auto const type = text_type(size);
    hsize_t const count = columns.size();
    Hdf5Space const space(H5Screate_simple(1, &count, nullptr), "H5Screate_simple");
    Hdf5Attribute attribute(
        H5Acreate2(dataset, "columns", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
        "H5Acreate");
    checked(H5Awrite(attribute.get(), type.get(), bytes.data()), "H5Awrite");
    attribute.close();
}

std::vector<std::string> read_columns(hid_t dataset, std::size_t count) {
    Hdf5Attribute const attribute(H5Aopen(dataset, "columns", H5P_DEFAULT), "H5Aopen");
    Hdf5Type const type(H5Aget_type(attribute.get()), "H5Aget_type");
    Hdf5Space const space(H5Aget_space(attribute.get()), "H5Aget_space");
    if (checked(H5Sget_simple_extent_npoints(space.get()), "H5Sget_simple_extent_npoints") !=
        static_cast<hssize_t>(count))
        throw Hdf5Error("a curve has other columns than its attribute says");
    auto const size = H5Tget_size(type.get());
    std::string bytes(size * count, '\0');
    checked(H5Aread(attribute.get(), type.get(), bytes.data()), "H5Aread");
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < count; ++i) {
        auto const name = std::string_view(bytes).substr(i * size, size);
        columns.emplace_back(name.substr(0, name.find('\0')));
    }
    return columns;
}

/// The curve less its last columns, if their names do not fit into an attribute.
Curve without_last_columns(Curve const& curve) {
    auto const kept = max_column_names_size / name_size(curve.columns);
    Curve narrow{{curve.columns.begin(), curve.columns.begin() + static_cast<std::ptrdiff_t>(kept)},
                 curve.rows,
                 {}};
    for (std::size_t row = 0; row < curve.rows; ++row) {
        auto const from =
            curve.values.begin() + static_cast<std::ptrdiff_t>(row * curve.columns.size());
        narrow.values.insert(narrow.values.end(), from, from + static_cast<std::ptrdiff_t>(kept));
    }
    return narrow;
}

herr_t collect_key(hid_t, char const* name, H5L_info_t const*, void* keys) {
    if (auto const key = key_of(name)) static_cast<std::vector<AttemptKey>*>(keys)->push_back(*key);
    return 0;
}

}  // namespace

Curves Curves::create(hid_t file) {
    Hdf5Properties const creation(H5Pcreate(H5P_GROUP_CREATE), "H5Pcreate");
    // Makes HDF5 choose the group format of HDF5 1.8 (2008). In the older one all names are in one
    // piece, which has to fit into the cache of metadata: with 100,000 curves that is either 50 MiB
    // of memory or five times the time.
    checked(H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED),
            "H5Pset_link_creation_order");
    return Curves(Hdf5Group(H5Gcreate2(file, "curves", H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                            "H5Gcreate"));
}

Curves Curves::open(hid_t file) {
    return Curves(Hdf5Group(H5Gopen2(file, "curves", H5P_DEFAULT), "H5Gopen"));
}

bool Curves::contains(AttemptKey const& key) const {
    return checked(H5Lexists(group_.get(), directory_name(key).c_str(), H5P_DEFAULT), "H5Lexists") >
           0;
}

void Curves::add(AttemptKey const& key, Curve const& curve) {
    REPRISE_EXPECT(curve.values.size() == curve.rows * curve.columns.size());
    if (curve.columns.empty()) return;
    if (name_size(curve.columns) * curve.columns.size() > max_column_names_size) {
        if (name_size(curve.columns) <= max_column_names_size)
            add(key, without_last_columns(curve));
        return;
    }
    std::array<hsize_t, 2> const extent{curve.rows, curve.columns.size()};
    Hdf5Space const space(H5Screate_simple(2, extent.data(), nullptr), "H5Screate_simple");
    Hdf5Properties const creation(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate");
    checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times");
    checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
    Hdf5Dataset dataset(H5Dcreate2(group_.get(), directory_name(key).c_str(), H5T_IEEE_F64LE,
                                   space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                        "H5Dcreate");
    if (curve.rows > 0)
        checked(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                         curve.values.data()),
                "H5Dwrite");
    write_columns(dataset.get(), curve.columns);
    dataset.close();
}

void Curves::remove(AttemptKey const& key) {
    checked(H5Ldelete(group_.get(), directory_name(key).c_str(), H5P_DEFAULT), "H5Ldelete");
}

Curve Curves::read(AttemptKey const& key) const {
    Hdf5Dataset const dataset(H5Dopen2(group_.get(), directory_name(key).c_str(), H5P_DEFAULT),
                              "H5Dopen");
    Hdf5Space const space(H5Dget_space(dataset.get()), "H5Dget_space");
    std::array<hsize_t, 2> extent{};
    if (checked(H5Sget_simple_extent_ndims(space.get()), "H5Sget_simple_extent_ndims") != 2)
        throw Hdf5Error("a curve has not two dimensions");
    checked(H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr),
            "H5Sget_simple_extent_dims");
    Curve curve;
    curve.rows = extent[0];
    curve.columns = read_columns(dataset.get(), extent[1]);
    curve.values.resize(extent[0] * extent[1]);
    if (!curve.values.empty())
        checked(H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                        curve.values.data()),
                "H5Dread");
    return curve;
}

std::vector<AttemptKey> Curves::keys() const {
    std::vector<AttemptKey> keys;
    checked(H5Literate(group_.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_key, &keys),
            "H5Literate");
    std::sort(keys.begin(), keys.end());
    return keys;
}

}  // namespace reprise::results
