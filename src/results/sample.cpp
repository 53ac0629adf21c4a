#include "sample.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "rows.hpp"
#include "user_block.hpp"

namespace reprise::results {
namespace {

using Texts = std::map<std::string, std::string>;

Hdf5Space scalar() { return {H5Screate(H5S_SCALAR), "H5Screate"}; }

std::string terminated(std::string const& text) { return text + '\0'; }

std::string unterminated(std::string text) {
    text.resize(text.find_last_not_of('\0') + 1);  // npos + 1 is 0
    return text;
}

/// The name of a link: '/' divides, '.' alone is the group itself, and nothing is no name. '%' and
/// two hexadecimal digits stand for such a character, as in URLs.
std::string link_name(std::string const& name) {
    if (name.empty()) return "%";
    std::string link;
    for (char const c : name) {
        if (c == '/' || c == '%' || (c == '.' && name == ".")) {
            constexpr char const* digits = "0123456789abcdef";
            auto const code = static_cast<unsigned char>(c);
            link += {'%', digits[code / 16], digits[code % 16]};
        } else {
            link += c;
        }
    }
    return link;
}

std::string name_of_link(std::string const& link) {
    if (link == "%") return {};
    std::string name;
    for (std::size_t i = 0; i < link.size(); ++i) {
        if (link[i] == '%' && i + 2 < link.size()) {
            name += static_cast<char>(std::stoi(link.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            name += link[i];
        }
    }
    return name;
}

Hdf5Group create_group(hid_t parent, char const* name) {
    return {H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "H5Gcreate"};
}

Hdf5Group open_group(hid_t parent, char const* name) {
    return {H5Gopen2(parent, name, H5P_DEFAULT), "H5Gopen"};
}

void write_text(hid_t group, std::string const& name, std::string const& text) {
    auto const bytes = terminated(text);
    auto const type = text_type(bytes.size());
    Hdf5Properties const creation(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate");
    checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times");
    Hdf5Dataset dataset(H5Dcreate2(group, name.c_str(), type.get(), scalar().get(), H5P_DEFAULT,
                                   creation.get(), H5P_DEFAULT),
                        "H5Dcreate");
    checked(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
            "H5Dwrite");
    dataset.close();
}

std::string read_text(hid_t group, std::string const& name) {
    Hdf5Dataset const dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), "H5Dopen");
    Hdf5Type const type(H5Dget_type(dataset.get()), "H5Dget_type");
    std::string text(H5Tget_size(type.get()), '\0');
    checked(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()),
            "H5Dread");
    return unterminated(text);
}

void write_texts(hid_t parent, char const* name, Texts const& texts) {
    auto const group = create_group(parent, name);
    for (auto const& [key, text] : texts) write_text(group.get(), link_name(key), text);
}

herr_t collect_name(hid_t, char const* name, H5L_info_t const*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

Texts read_texts(hid_t parent, char const* name) {
    auto const group = open_group(parent, name);
    std::vector<std::string> links;
    checked(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &links),
            "H5Literate");
    Texts texts;
    for (auto const& link : links) texts[name_of_link(link)] = read_text(group.get(), link);
    return texts;
}

template <class Number>
void write_number(hid_t object, char const* name, hid_t type, hid_t memory_type, Number number) {
    Hdf5Attribute attribute(
        H5Acreate2(object, name, type, scalar().get(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate");
    checked(H5Awrite(attribute.get(), memory_type, &number), "H5Awrite");
    attribute.close();
}

template <class Number>
Number read_number(hid_t object, char const* name, hid_t memory_type) {
    Hdf5Attribute const attribute(H5Aopen(object, name, H5P_DEFAULT), "H5Aopen");
    Number number{};
    checked(H5Aread(attribute.get(), memory_type, &number), "H5Aread");
    return number;
}

std::string read_text_attribute(hid_t object, char const* name) {
    Hdf5Attribute const attribute(H5Aopen(object, name, H5P_DEFAULT), "H5Aopen");
    Hdf5Type const type(H5Aget_type(attribute.get()), "H5Aget_type");
    std::string text(H5Tget_size(type.get()), '\0');
    checked(H5Aread(attribute.get(), type.get(), text.data()), "H5Aread");
    return unterminated(text);
}

herr_t collect_attribute(hid_t, char const* name, H5A_info_t const*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

}  // namespace

void write_text_attribute(hid_t object, char const* name, std::string const& text) {
    auto const bytes = terminated(text);
    auto const type = text_type(bytes.size());
    Hdf5Attribute attribute(
        H5Acreate2(object, name, type.get(), scalar().get(), H5P_DEFAULT, H5P_DEFAULT),
        "H5Acreate");
    checked(H5Awrite(attribute.get(), type.get(), bytes.data()), "H5Awrite");
    attribute.close();
}

void write_sample(hid_t file, SampleDescription const& sample) {
    auto const group = create_group(file, "sample");
    write_text_attribute(group.get(), "digest", sample.digest);
    write_text_attribute(group.get(), "working_dir", sample.working_dir);
    write_number(group.get(), "created", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, sample.created);
    if (sample.job_id)
        write_number(group.get(), "job_id", H5T_STD_I64LE, H5T_NATIVE_INT64, *sample.job_id);
    write_text(group.get(), "parameters", sample.parameters);
    write_text(group.get(), "canonical", sample.canonical);
    write_texts(group.get(), "configurations", sample.configurations);
    write_texts(group.get(), "commands", sample.commands);
    auto const versions = create_group(group.get(), "versions");
    for (auto const& [name, version] : sample.versions)
        write_text_attribute(versions.get(), name.c_str(), version);
}

SampleDescription read_sample(hid_t file) {
    auto const group = open_group(file, "sample");
    SampleDescription sample;
    sample.digest = read_text_attribute(group.get(), "digest");
    sample.working_dir = read_text_attribute(group.get(), "working_dir");
    sample.created = read_number<double>(group.get(), "created", H5T_NATIVE_DOUBLE);
    if (checked(H5Aexists(group.get(), "job_id"), "H5Aexists") > 0)
        sample.job_id = read_number<std::int64_t>(group.get(), "job_id", H5T_NATIVE_INT64);
    sample.parameters = read_text(group.get(), "parameters");
    sample.canonical = read_text(group.get(), "canonical");
    sample.configurations = read_texts(group.get(), "configurations");
    sample.commands = read_texts(group.get(), "commands");
    auto const versions = open_group(group.get(), "versions");
    std::vector<std::string> names;
    checked(
        H5Aiterate2(versions.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute, &names),
        "H5Aiterate");
    for (auto const& name : names)
        sample.versions[name] = read_text_attribute(versions.get(), name.c_str());
    return sample;
}

void write_file_attributes(hid_t file, std::uint64_t generation, bool recording) {
    for (auto const* name : {"format_version", "generation", "state"})
        if (checked(H5Aexists(file, name), "H5Aexists") > 0)
            checked(H5Adelete(file, name), "H5Adelete");
    write_number(file, "format_version", H5T_STD_U32LE, H5T_NATIVE_UINT32, format_version);
    write_number(file, "generation", H5T_STD_U64LE, H5T_NATIVE_UINT64, generation);
    write_text_attribute(file, "state", recording ? "recording" : "at rest");
}

}  // namespace reprise::results
