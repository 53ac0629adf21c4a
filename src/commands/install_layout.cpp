#include "reprise/commands/install_layout.hpp"

#include <filesystem>

#include "reprise/core/error.hpp"
#include "reprise/system/file_system.hpp"

namespace reprise {

std::string helper_path() {
    auto const bin = std::filesystem::path(own_executable()).parent_path();
    auto beside = (bin / "reprise-run-helper").string();
    if (is_regular_file(beside)) return beside;
    auto installed = (bin.parent_path() / "libexec" / "reprise" / "reprise-run-helper").string();
    if (is_regular_file(installed)) return installed;
    throw Error(Error::Kind::not_found, "find", "reprise-run-helper",
                "neither '" + beside + "' nor '" + installed + "' is there",
                "Install reprise anew.");
}

}  // namespace reprise
