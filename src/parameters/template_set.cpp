#include "template_set.hpp"

#include <filesystem>

#include "reprise/core/error.hpp"
#include "reprise/parameters/settings_text.hpp"

namespace reprise {

namespace {

/// Reads an object; a failure of the file system becomes the user's error, with what led there.
nlohmann::ordered_json read_object(std::string const& path, std::string const& origin,
                                   std::string const& remedy, FileReader const& read_file) {
    std::string text;
    try {
        text = read_file(path);
    } catch (Error const& error) {
        throw InputError(origin + ": " + error.what() + " " + remedy);
    }
    auto value = parse_json_text(text, path);
    if (!value.is_object()) {
        throw InputError(origin + ": '" + path +
                         "' holds no JSON object. Write {\"name\": value, …} into it.");
    }
    return value;
}

/// The key becomes the name of a file in the run directory.
void check_file_name(std::string const& name, std::string const& set) {
    bool const fits = !name.empty() && name.front() != '.' && name != "config_templates" &&
                      name.find_first_of(std::string("/.:\0", 4)) == std::string::npos;
    if (!fits) {
        throw InputError("configuration file '" + name + "' in '" + set +
                         "' has a name that cannot be used. Choose one without '/', '.' and ':', "
                         "and not 'config_templates'.");
    }
}

void add_template(std::string const& name, nlohmann::ordered_json const& entry,
                  FileReader const& read_file, TemplateSet& set) {
    if (!entry.is_string() || entry.get_ref<std::string const&>().empty()) {
        throw InputError("configuration file '" + name + "' in '" + set.path +
                         "' has no path. Give the path of its template as a string.");
    }
    auto const directory = std::filesystem::path(set.path).parent_path();
    auto const file = (directory / entry.get<std::string>()).lexically_normal().generic_string();
    set.paths[name] = file;
    set.files[name] =
        read_object(file, "template '" + name + "' of '" + set.path + "'",
                    "Paths in a template set are relative to its directory.", read_file);
}

}  // namespace

TemplateSet load_template_set(std::string const& path, FileReader const& read_file) {
    TemplateSet set;
    set.path = path;
    auto const entries = read_object(
        path, "parameter 'config.config_templates'",
        "The path is relative to the directory in which the job was started.", read_file);
    if (entries.empty()) {
        throw InputError("the template set '" + path +
                         "' is empty. Write the configuration files and their templates into it.");
    }
    for (auto const& [name, entry] : entries.items()) {
        check_file_name(name, path);
        add_template(name, entry, read_file, set);
    }
    return set;
}

}  // namespace reprise
