#include "reprise/system/memory_cgroup.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "reprise/system/file_lock.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t mib = 1024 * 1024;
constexpr char const* rest_name = "reprise.rest";
constexpr int lock_pause_ms = 5;
/// Ranks of one host may do the same at the same moment, and a process may be forked meanwhile.
constexpr int most_tries = 20;

std::vector<std::string> words_of(std::string const& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(std::move(word));
    return words;
}

bool has_word(std::string const& text, std::string const& wanted) {
    for (auto const& word : words_of(text)) {
        if (word == wanted) return true;
    }
    return false;
}

/// Whether a list such as "cpu,memory" has the name.
bool lists(std::string const& list, std::string const& name) {
    return ("," + list + ",").find("," + name + ",") != std::string::npos;
}

/// The number after a name in lines "NAME NUMBER"; -1: there is none.
std::int64_t number_of(std::string const& text, std::string const& name) {
    auto const words = words_of(text);
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        if (words[i] == name) return std::strtoll(words[i + 1].c_str(), nullptr, 10);
    }
    return -1;
}

/// The number that is all of a file; -1: there is none.
std::int64_t number_in(std::string const& path) {
    auto const text = kernel_file(path);
    return text.empty() || text[0] < '0' || text[0] > '9' ? -1
                                                          : std::strtoll(text.c_str(), nullptr, 10);
}

/// mountinfo writes a space as \040, and three other characters likewise: proc(5).
std::string unescaped(std::string const& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

struct Mount {
    std::string root;  ///< of the tree, as far as this mount shows it
    std::string point;
};

/// The last one of that kind, which lies on top of the others.
std::optional<Mount> find_mount(std::string const& mountinfo, bool version_2) {
    std::optional<Mount> found;
    std::istringstream lines(mountinfo);
    for (std::string line; std::getline(lines, line);) {
        // 32 23 0:29 ROOT POINT rw,relatime [optional …] - TYPE SOURCE SUPER_OPTIONS
        auto const dash = line.find(" - ");
        if (dash == std::string::npos) continue;
        auto const front = words_of(line.substr(0, dash));
        auto const back = words_of(line.substr(dash + 3));
        if (front.size() < 5 || back.empty()) continue;
        bool const fits =
            version_2 ? back[0] == "cgroup2" : back[0] == "cgroup" && lists(back.back(), "memory");
        if (fits) found = Mount{unescaped(front[3]), unescaped(front[4])};
    }
    return found;
}

/// Where a path of /proc/PID/cgroup is in the file system; empty when it is not to be seen there.
std::string directory_of(Mount const& mount, std::string const& path) {
    std::string below = path;
    if (mount.root != "/") {
        if (path != mount.root && path.rfind(mount.root + "/", 0) != 0) return {};
        below = path.substr(mount.root.size());
    }
    auto const directory = below.empty() || below == "/" ? mount.point : mount.point + below;
    return is_directory(directory) ? directory : std::string();
}

bool is_run(fs::directory_entry const& entry) {
    return entry.path().filename().string().rfind(run_cgroup_prefix, 0) == 0;
}

void sweep(std::string const& base, CgroupTree& tree) {
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(base, ignored)) {
        if (!is_run(entry)) continue;
        auto const path = entry.path().string();
        if (auto const lock = try_hold_directory(path, LOCK_EX | LOCK_NB)) tree.remove(path);
    }
}

/// Against those who make cgroups of runs, or clear them away, at the same moment. Not got in a
/// while: whoever has it hangs.
Fd lock_base(std::string const& base) {
    Fd lock(::open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; lock && i < most_tries; ++i) {
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
        ::poll(nullptr, 0, lock_pause_ms);
    }
    return {};
}

/// Where cgroups of runs go: beside "reprise.rest", if an earlier run has put this process there.
std::string base_of(MemoryCgroup const& own) {
    auto const path = fs::path(own.path);
    return own.version_2 && path.filename() == rest_name ? path.parent_path().string() : own.path;
}

void move_processes(std::string const& from, std::string const& to, CgroupTree& tree) {
    for (auto const& pid : words_of(kernel_file(from + "/cgroup.procs"))) {
        // One that has ended meanwhile is no loss; the caller finds one that may not be moved.
        (void)tree.write(to + "/cgroup.procs", pid);
    }
}

/// Version 2 gives children a controller only while no process is in the parent itself.
void give_children_memory(std::string const& base, CgroupTree& tree) {
    auto const switches = base + "/cgroup.subtree_control";
    int error = 0;
    for (int i = 0; i < most_tries; ++i) {
        if (has_word(kernel_file(switches), "memory")) return;
        error = tree.write(switches, "+memory");
        if (error == 0) return;
        if (error != EBUSY) break;
        auto const rest = base + "/" + rest_name;
        if (int const made = tree.make(rest); made != 0 && made != EEXIST) {
            throw posix_error(made, "create cgroup", rest);
        }
        move_processes(base, rest, tree);
    }
    throw posix_error(error, "switch on the memory controller in", switches);
}

/// Version 2: as it was before the first run, once none is left, so that the batch system can put
/// processes there again and finds nothing of ours when it removes it.
void put_everybody_back(std::string const& base, CgroupTree& tree) {
    auto const rest = base + "/" + rest_name;
    if (!is_directory(rest)) return;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(base, ignored)) {
        // Somebody else's child may need the controller.
        if (entry.is_directory(ignored) && entry.path().string() != rest) return;
    }
    (void)tree.write(base + "/cgroup.subtree_control", "-memory");
    for (int i = 0; i < most_tries; ++i) {  // one may be forked meanwhile
        move_processes(rest, base, tree);
        if (tree.remove(rest) != EBUSY) return;
    }
}

void set_limit(MemoryCgroup const& cgroup, std::int64_t limit_mb, CgroupTree& tree) {
    auto const bytes = std::to_string(limit_mb * mib);
    auto const limit = cgroup.path + (cgroup.version_2 ? "/memory.max" : "/memory.limit_in_bytes");
    if (int const error = tree.write(limit, bytes)) throw posix_error(error, "write", limit);
    // Swap is not there on every machine, nor accounted on every kernel. Version 1 limits the sum.
    auto const swap =
        cgroup.path + (cgroup.version_2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
    int const error = tree.write(swap, cgroup.version_2 ? "0" : bytes);
    if (error != 0 && error != ENOENT) throw posix_error(error, "write", swap);
}

std::string new_name() {
    static int counter = 0;  // ranks have one thread that starts runs
    return run_cgroup_prefix + std::to_string(::getpid()) + "." + std::to_string(++counter);
}

}  // namespace

std::optional<MemoryCgroup> own_memory_cgroup(std::string const& proc_self) {
    auto const mountinfo = kernel_file(proc_self + "/mountinfo");
    std::istringstream lines(kernel_file(proc_self + "/cgroup"));
    std::optional<MemoryCgroup> version_2;
    for (std::string line; std::getline(lines, line);) {
        // NUMBER:CONTROLLERS:PATH; version 2 has "0::PATH".
        auto const first = line.find(':');
        auto const second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        auto const controllers = line.substr(first + 1, second - first - 1);
        bool const is_version_2 = controllers.empty();
        if (!is_version_2 && !lists(controllers, "memory")) continue;
        auto const mount = find_mount(mountinfo, is_version_2);
        if (!mount) continue;
        auto const directory = directory_of(*mount, line.substr(second + 1));
        if (directory.empty()) continue;
        if (!is_version_2) return MemoryCgroup{directory, false};
        if (has_word(kernel_file(directory + "/cgroup.controllers"), "memory")) {
            version_2 = MemoryCgroup{directory, true};
        }
    }
    return version_2;
}

std::int64_t oom_kills(MemoryCgroup const& cgroup) {
    auto const file = cgroup.version_2 ? "/memory.events" : "/memory.oom_control";
    return std::max<std::int64_t>(0, number_of(kernel_file(cgroup.path + file), "oom_kill"));
}

int CgroupTree::make(std::string const& path) {
    return ::mkdir(path.c_str(), 0755) == 0 ? 0 : errno;
}

int CgroupTree::remove(std::string const& path) { return ::rmdir(path.c_str()) == 0 ? 0 : errno; }

int CgroupTree::write(std::string const& path, std::string const& text) {
    Fd const fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return errno;
    auto const count = ::write(fd.get(), text.data(), text.size());
    return count == static_cast<ssize_t>(text.size()) ? 0 : count < 0 ? errno : EIO;
}

CgroupTree& kernel_cgroups() {
    static CgroupTree tree;
    return tree;
}

RunCgroup RunCgroup::make(MemoryCgroup const& own, std::int64_t limit_mb, CgroupTree& tree) {
    auto const base = base_of(own);
    auto const base_lock = lock_base(base);
    sweep(base, tree);
    if (own.version_2) give_children_memory(base, tree);
    int error = 0;
    MemoryCgroup cgroup{{}, own.version_2};
    for (int i = 0; i < most_tries; ++i) {
        cgroup.path = base + "/" + new_name();
        error = tree.make(cgroup.path);
        if (error == EEXIST) continue;  // of a process with our number in another namespace
        if (error != 0) break;
        auto lock = try_hold_directory(cgroup.path, LOCK_EX | LOCK_NB);
        if (!lock) continue;  // swept by another rank, which saw it without its lock
        RunCgroup made(cgroup, limit_mb, std::move(lock), tree);
        set_limit(cgroup, limit_mb, tree);
        return made;
    }
    throw posix_error(error, "create cgroup", cgroup.path);
}

RunCgroup::RunCgroup(MemoryCgroup cgroup, std::int64_t limit_mb, Fd lock, CgroupTree& tree)
    : cgroup_(std::move(cgroup)), limit_mb_(limit_mb), lock_(std::move(lock)), tree_(&tree) {}

RunCgroup::RunCgroup(RunCgroup&& other) noexcept
    : cgroup_(std::move(other.cgroup_)),
      limit_mb_(other.limit_mb_),
      lock_(std::move(other.lock_)),
      tree_(other.tree_) {}

RunCgroup::~RunCgroup() {
    constexpr int tries = 20;
    constexpr int pause_ms = 5;  // a killed process leaves its cgroup a little after its end
    for (int i = 0; lock_ && i < tries; ++i) {
        if (tree_->remove(cgroup_.path) != EBUSY) return;
        ::poll(nullptr, 0, pause_ms);
    }
}

bool RunCgroup::limit_was_reached() const {
    if (cgroup_.version_2) {
        return number_of(kernel_file(cgroup_.path + "/memory.events"), "oom") > 0;
    }
    // Version 1 counts in one of two files, by whether swap is limited too and by the kernel.
    constexpr double nearly = 0.98;
    return number_in(cgroup_.path + "/memory.failcnt") > 0 ||
           number_in(cgroup_.path + "/memory.memsw.failcnt") > 0 ||
           peak_mb() >= nearly * static_cast<double>(limit_mb_);
}

double RunCgroup::peak_mb() const {
    auto const file = cgroup_.version_2 ? "/memory.peak" : "/memory.max_usage_in_bytes";
    auto const bytes = number_in(cgroup_.path + file);
    return bytes < 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(mib);
}

std::string place_of_run_cgroups() {
    auto const own = own_memory_cgroup();
    return own ? base_of(*own) : std::string();
}

void sweep_run_cgroups(CgroupTree& tree, std::string const& proc_self) noexcept {
    try {
        auto const own = own_memory_cgroup(proc_self);
        if (!own) return;
        auto const base = base_of(*own);
        auto const base_lock = lock_base(base);
        sweep(base, tree);
        if (own->version_2 && base_lock) put_everybody_back(base, tree);
    } catch (std::exception const&) {
        // What could not be removed now is for the next start.
    }
}

}  // namespace reprise
