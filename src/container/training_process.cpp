#include "reprise/container/training_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/posix_error.hpp"
#include "reprise/system/process_tree.hpp"

namespace reprise {
namespace {

constexpr int report_fd_of_helper = 3;
constexpr std::chrono::milliseconds kill_limit{2000};

Fd open_output(std::string const& path) {
    // Appending keeps the lines of several processes from overwriting one another.
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666));
    if (!fd) throw posix_error(errno, "write", path);
    return fd;
}

void append_command(std::vector<std::string>& argv, char const* flag,
                    std::vector<std::string> const& command) {
    if (command.empty()) return;
    argv.emplace_back(flag);
    argv.push_back(std::to_string(command.size()));
    argv.insert(argv.end(), command.begin(), command.end());
}

std::vector<std::string> helper_command(TrainingSpec const& spec) {
    // The helper starts in another directory.
    bool const relative = !spec.helper.starts_with('/');
    std::vector<std::string> argv{
        relative ? current_directory() + "/" + spec.helper : spec.helper,
        "--report-fd",
        std::to_string(report_fd_of_helper),
        "--stop-signal",
        std::to_string(spec.stop_signal),
        "--stop-grace-ms",
        std::to_string(spec.stop_grace.count()),
    };
    append_command(argv, "--backend", spec.backend);
    append_command(argv, "--learner", spec.learner);
    append_command(argv, "--stop", spec.stop);
    return argv;
}

bool has_other_children(std::vector<pid_t> const& spared) {
    auto const now = children();
    return std::any_of(now.begin(), now.end(), [&](pid_t pid) {
        return std::find(spared.begin(), spared.end(), pid) == spared.end();
    });
}

TrainingEnd::How how_of(RunEnd end) {
    switch (end) {
        case RunEnd::learner_ended:
            return TrainingEnd::How::learner_ended;
        case RunEnd::backend_died:
            return TrainingEnd::How::backend_died;
        case RunEnd::not_started:
            return TrainingEnd::How::not_started;
        case RunEnd::stopped:
            return TrainingEnd::How::stopped;
        case RunEnd::killed:
            return TrainingEnd::How::killed;
    }
    return TrainingEnd::How::helper_lost;
}

std::string describe_end(std::optional<ExitStatus> const& status) {
    return status ? describe(*status) : "unknown end";
}

std::string message_of(TrainingEnd const& end, RunReport::Command const& not_started,
                       ExitStatus const& helper) {
    switch (end.how) {
        case TrainingEnd::How::learner_ended:
            return "the learner ended (" + describe_end(end.learner) + ")";
        case TrainingEnd::How::backend_died:
            return "the backend ended before the learner (" + describe_end(end.backend) + ")";
        case TrainingEnd::How::not_started:
            return posix_error(not_started.start_errno, "start", not_started.program,
                               "Is it installed, executable and on PATH?")
                .what();
        case TrainingEnd::How::stopped:
            return "the training was stopped";
        case TrainingEnd::How::killed:
            return "the training was killed";
        case TrainingEnd::How::helper_lost:
            return "the process that watched the training ended (" + describe(helper) + ")";
    }
    return {};
}

}  // namespace

TrainingProcess::TrainingProcess(ChildProcess helper, Fd report_pipe, std::vector<pid_t> spared)
    : helper_(std::move(helper)),
      report_pipe_(std::move(report_pipe)),
      spared_(std::move(spared)) {}

TrainingProcess TrainingProcess::start(TrainingSpec const& spec) {
    REPRISE_EXPECT(!spec.helper.empty() && !spec.learner.empty());
    auto const output = open_output(spec.stdout_path);
    auto const errors = open_output(spec.stderr_path);
    auto report = make_pipe();
    set_non_blocking(report.read_end.get());
    auto spared = children();

    ProcessSpec process;
    process.argv = helper_command(spec);
    process.environment = spec.environment;
    process.working_dir = spec.working_dir;
    process.stdout_fd = output.get();
    process.stderr_fd = errors.get();
    process.extra_fds = {{report.write_end.get(), report_fd_of_helper}};
    // What a terminal or mpirun sends to our group is for us to pass on, in order.
    process.group = ProcessGroup::own_session;
    process.parent_death_signal = SIGHUP;
    process.cpu_list = spec.cpu_list;
    process.cgroup_procs = spec.cgroup_procs;
    return {spawn(process), std::move(report.read_end), std::move(spared)};
}

TrainingProcess& TrainingProcess::operator=(TrainingProcess&& other) noexcept {
    if (this != &other) {
        abandon();
        helper_ = std::move(other.helper_);
        report_pipe_ = std::move(other.report_pipe_);
        spared_ = std::move(other.spared_);
        unread_ = std::move(other.unread_);
        report_ = std::move(other.report_);
        stop_asked_ = other.stop_asked_;
        kill_asked_ = other.kill_asked_;
        end_ = std::move(other.end_);
    }
    return *this;
}

TrainingProcess::~TrainingProcess() { abandon(); }

void TrainingProcess::abandon() noexcept {
    if (!helper_ || helper_->pid() < 0) return;
    helper_.reset();  // kills it; its children die with it
    try {
        kill_all_descendants(kill_limit, spared_);
    } catch (std::bad_alloc const&) {
        // Nothing to be done about it, and nobody to be told.
    }
}

std::array<int, 2> TrainingProcess::poll_fds() const noexcept {
    return {helper_ ? helper_->pidfd() : -1, report_pipe_.get()};
}

void TrainingProcess::on_readable() {
    if (end_) return;
    read_report();
    auto status = helper_->try_wait();
    // Where the kernel has no pidfds, the end of the report tells of the helper's end.
    if (!status && helper_->pidfd() < 0 && !report_pipe_) status = helper_->wait();
    if (!status) return;
    read_report();  // what it wrote before it ended
    finish(*status);
}

void TrainingProcess::read_report() {
    std::array<char, 4096> buffer{};
    while (report_pipe_) {
        auto const count = ::read(report_pipe_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0) {
            report_pipe_ = Fd();
            break;
        }
        unread_.append(buffer.data(), static_cast<std::size_t>(count));
        for (auto end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
            // Only a helper of another version writes what we do not know; without a known `end`
            // it counts as lost.
            [[maybe_unused]] auto const problem =
                take_report_line(report_, std::string_view(unread_).substr(0, end));
            unread_.erase(0, end + 1);
        }
    }
}

void TrainingProcess::finish(ExitStatus const& helper_status) {
    TrainingEnd end;
    end.learner = report_.learner.status;
    end.backend = report_.backend.status;
    end.left_running = report_.left_running;
    if (report_.end) {
        end.how = how_of(*report_.end);
        end.cpu_s = report_.cpu_s;
        end.peak_memory_mb = report_.peak_memory_mb;
    } else {
        // A helper that had not begun to listen for signals yet ends by what we sent.
        bool const stopped = stop_asked_ && helper_status.signal == SIGTERM;
        end.how = kill_asked_ ? TrainingEnd::How::killed
                  : stopped   ? TrainingEnd::How::stopped
                              : TrainingEnd::How::helper_lost;
        end.cpu_s = helper_status.cpu_s;
        end.peak_memory_mb = helper_status.peak_memory_mb;
    }
    if (!report_.end || end.left_running > 0 || has_other_children(spared_)) {
        end.left_running = kill_all_descendants(kill_limit, spared_);
    }
    auto const& culprit = report_.backend.start_errno != 0 ? report_.backend : report_.learner;
    if (end.how == TrainingEnd::How::not_started) end.program = culprit.program;
    end.message = message_of(end, culprit, helper_status);
    helper_.reset();
    report_pipe_ = Fd();
    end_ = std::move(end);
}

void TrainingProcess::stop() {
    if (end_ || stop_asked_) return;
    helper_->send_signal(SIGTERM);
    stop_asked_ = true;
}

void TrainingProcess::kill() {
    if (end_) return;
    helper_->send_signal(kill_asked_ ? SIGKILL : SIGHUP);
    kill_asked_ = true;
}

}  // namespace reprise
