#include "reprise/commands/scratch_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "reprise/commands/install_layout.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/system/file_lock.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/posix_error.hpp"
#include "reprise/system/remove_tree.hpp"

namespace reprise {
namespace {

namespace fs = std::filesystem;

void sweep(std::string const& base) {
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(base, ignored)) {
        auto const name = entry.path().filename().string();
        // "reprise." and a process number: nobody else's directories are touched.
        if (name.rfind("reprise.", 0) != 0 || name.find_first_of("0123456789") != 8) continue;
        auto const path = entry.path().string();
        if (auto const lock = try_hold_directory(path, LOCK_EX | LOCK_NB)) {
            remove_tree(AT_FDCWD, path.c_str());
        }
    }
}

/// Nothing is known of one that cannot be looked at; making a directory there will tell.
bool disk_has_room(std::string const& path) {
    struct statvfs facts {};
    if (::statvfs(path.c_str(), &facts) != 0) return true;
    bool const counts_blocks = facts.f_blocks != 0;  // a tmpfs may be without limits
    bool const counts_files = facts.f_files != 0;
    return !(counts_blocks && facts.f_bavail * facts.f_frsize < scratch_room_mb << 20U) &&
           !(counts_files && facts.f_favail == 0);
}

std::vector<std::string> those_with_room_first(std::vector<std::string> bases) {
    std::stable_partition(bases.begin(), bases.end(), disk_has_room);
    return bases;
}

/// The guardian is no process of the job, which it outlives by a moment.
std::vector<std::string> guardian_environment() {
    auto environment = own_environment();
    std::erase_if(environment, [](std::string const& variable) {
        return variable.starts_with(std::string(job_mark_name) + "=");
    });
    return environment;
}

/// What stands before the end of a pipe, which it waits for; nothing when it is no int.
std::optional<int> read_int(int fd) {
    std::array<char, sizeof(int) + 1> bytes{};
    std::size_t used = 0;
    while (used < bytes.size()) {
        auto const got = ::read(fd, bytes.data() + used, bytes.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        used += static_cast<std::size_t>(got);
    }
    if (used != sizeof(int)) return std::nullopt;
    int value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

struct StartedGuardian {
    ChildProcess process;
    int error = -1;  ///< what it says of the directory: 0 or an errno; -1: nothing
};

StartedGuardian start_guardian(char const* option, std::string const& path, int leash) {
    auto result = make_pipe();
    Fd const null_device(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    ProcessSpec spec;
    spec.argv = {helper_path(), option, path};
    spec.environment = guardian_environment();
    spec.working_dir = "/";  // it keeps no mount busy
    spec.stdin_fd = leash;
    spec.stdout_fd = result.write_end.get();
    // Nobody who reads our output to its end shall wait for it.
    spec.stderr_fd = null_device.get();
    spec.group = ProcessGroup::own_session;
    StartedGuardian started{spawn(spec)};
    result.write_end = Fd();
    started.error = read_int(result.read_end.get()).value_or(-1);
    return started;
}

}  // namespace

bool ScratchDirectory::has_room() const { return disk_has_room(path_); }

std::vector<std::string> scratch_bases() { return {"/dev/shm", "/tmp"}; }

ScratchDirectory::ScratchDirectory(std::string const& name, std::vector<std::string> const& bases,
                                   int guardians) {
    for (auto const& base : bases) sweep(base);
    int error = ENOENT;
    for (auto const& base : those_with_room_first(bases)) {
        path_ = base + "/" + name;
        error = make(guardians);
        if (error == 0) return;
    }
    throw posix_error(error, "create directory", path_);
}

/// Returns 0, or errno.
int ScratchDirectory::make(int guardians) {
    auto leash = make_pipe();
    auto first = start_guardian("--guard", path_, leash.read_end.get());
    guardians_.clear();
    guardians_.push_back(std::move(first.process));
    leash_ = std::move(leash.write_end);
    // One that was killed already leaves it to us, and to the next start to clean up.
    int error = first.error;
    if (error < 0) error = ::mkdir(path_.c_str(), 0700) == 0 || errno == EEXIST ? 0 : errno;
    if (error != 0) return error;
    for (int i = 1; i < guardians; ++i) {
        auto next = start_guardian("--guard-too", path_, leash.read_end.get());
        guardians_.push_back(std::move(next.process));
    }
    lock_ = try_hold_directory(path_, LOCK_SH | LOCK_NB);
    return lock_ ? 0 : EBUSY;
}

std::vector<pid_t> ScratchDirectory::guardians() const {
    std::vector<pid_t> pids;
    pids.reserve(guardians_.size());
    for (auto const& guardian : guardians_) pids.push_back(guardian.pid());
    return pids;
}

ScratchDirectory::~ScratchDirectory() {
    remove_tree(AT_FDCWD, path_.c_str());
    guardians_.clear();  // kills them
}

std::optional<ScratchHold> hold_scratch(std::string const& name,
                                        std::vector<std::string> const& bases) {
    for (auto const& base : bases) {
        auto const path = base + "/" + name;
        if (auto lock = try_hold_directory(path, LOCK_SH | LOCK_NB)) {
            return ScratchHold{path, std::move(lock)};
        }
    }
    return std::nullopt;
}

void sweep_scratch(std::vector<std::string> const& bases) noexcept {
    try {
        for (auto const& base : bases) sweep(base);
    } catch (std::exception const&) {
        // The next start sweeps again.
    }
}

void remove_scratch(std::string const& name, std::vector<std::string> const& bases) noexcept {
    for (auto const& base : bases) remove_tree(AT_FDCWD, (base + "/" + name).c_str());
}

}  // namespace reprise
