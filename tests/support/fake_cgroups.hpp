/// @file A cgroup tree in a folder that behaves like the kernel's, and the files of /proc/self that
/// point to it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "reprise/system/memory_cgroup.hpp"
#include "support/private_folder.hpp"

namespace reprise::test {

class FakeCgroups : public CgroupTree {
  public:
    explicit FakeCgroups(bool version_2) : version_2_(version_2) {
        std::filesystem::create_directories(proc());
        (void)FakeCgroups::make(mount());
    }

    [[nodiscard]] std::string proc() const { return folder_ / "proc"; }
    [[nodiscard]] std::string mount() const { return folder_ / "tree"; }
    /// The cgroup of that name, directly below the root; made if it is not there.
    [[nodiscard]] MemoryCgroup at(std::string const& name) {
        (void)make(mount() + "/" + name);
        return {mount() + "/" + name, version_2_};
    }
    static std::string read(std::string const& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static void set(std::string const& path, std::string const& text) {
        std::ofstream(path) << text;
    }

    int make(std::string const& path) override {
        if (forbidden) return forbidden;
        if (int const error = CgroupTree::make(path)) return error;
        auto const parent = std::filesystem::path(path).parent_path().string();
        set(path + "/cgroup.procs", "");
        if (!version_2_) {
            set(path + "/memory.limit_in_bytes", "9223372036854771712\n");
            if (has_swap) set(path + "/memory.memsw.limit_in_bytes", "9223372036854771712\n");
            set(path + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
            set(path + "/memory.max_usage_in_bytes", "0\n");
            set(path + "/memory.failcnt", "0\n");
            return 0;
        }
        set(path + "/cgroup.controllers", "cpu memory pids\n");
        set(path + "/cgroup.subtree_control", "");
        if (read(parent + "/cgroup.subtree_control").find("memory") != std::string::npos) {
            set(path + "/memory.max", "max\n");
            if (has_swap) set(path + "/memory.swap.max", "max\n");
            set(path + "/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
            set(path + "/memory.peak", "0\n");
        }
        return 0;
    }

    int remove(std::string const& path) override {
        if (!read(path + "/cgroup.procs").empty()) return EBUSY;
        std::filesystem::remove_all(path);
        return 0;
    }

    int write(std::string const& path, std::string const& text) override {
        auto const file = std::filesystem::path(path);
        if (!std::filesystem::exists(file)) return ENOENT;
        if (file.filename() == "cgroup.procs") return move(file.parent_path().string(), text);
        if (file.filename() == "cgroup.subtree_control" && text == "-memory") {
            set(path, "");
            return 0;
        }
        if (file.filename() == "cgroup.subtree_control" &&
            !read((file.parent_path() / "cgroup.procs").string()).empty()) {
            return EBUSY;
        }
        set(path, text == "+memory" ? "memory" : text);
        return 0;
    }

    int forbidden = 0;  ///< what making a cgroup fails with; 0: it does not
    bool has_swap = true;

  private:
    int move(std::string const& to, std::string const& pid) {
        if (version_2_ && !read(to + "/cgroup.subtree_control").empty()) return EBUSY;
        for (auto const& entry : std::filesystem::recursive_directory_iterator(mount())) {
            if (entry.path().filename() != "cgroup.procs") continue;
            std::istringstream before(read(entry.path().string()));
            std::string after;
            for (std::string other; before >> other;) after += other == pid ? "" : other + "\n";
            set(entry.path().string(), after);
        }
        set(to + "/cgroup.procs", read(to + "/cgroup.procs") + pid + "\n");
        return 0;
    }

    PrivateFolder folder_;
    bool version_2_;
};

}  // namespace reprise::test
