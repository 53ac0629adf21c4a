/// @file A folder of a test's own, removed at its end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace reprise::test {

class PrivateFolder {
  public:
    PrivateFolder() {
        auto pattern = (std::filesystem::temp_directory_path() / "reprise-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder: " + pattern);
        path_ = pattern;
    }
    PrivateFolder(PrivateFolder const&) = delete;
    PrivateFolder& operator=(PrivateFolder const&) = delete;
    ~PrivateFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string const& path() const { return path_; }
    /// Path of a name in it.
    [[nodiscard]] std::string operator/(std::string const& name) const {
        return path_ + "/" + name;
    }

  private:
    std::string path_;
};

}  // namespace reprise::test
