#include "reprise/container/training_process.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/posix_error.hpp"
#include "reprise/system/process_tree.hpp"
#include "run_helper/report_format.hpp"

namespace reprise {
namespace {

constexpr int socket_of_helper = 3;

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
        std::to_string(socket_of_helper),
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

std::string shown(std::optional<ExitStatus> const& status) {
    return status ? describe(*status) : "unknown end";
}

/// A container that came to its end before the helper said its first word.
std::string message_of_container(ContainerSetup const& container, ExitStatus const& starter) {
    if (starter.exit_code == 0 && container.use_run && takes_image(container.runtime)) {
        return "the image's runscript ended without starting the command it was given. Let it end "
               "with exec \"$@\", or set singularity.use_run to False";
    }
    return std::string("the container did not start (") + name_of(container.runtime) +
           " ended with " + describe(starter) + ")";
}

std::string message_of_program(RunReport::Command const& culprit) {
    return posix_error(culprit.start_errno, "start", culprit.program,
                       "Is it installed, executable and on PATH?")
        .what();
}

}  // namespace

TrainingProcess::TrainingProcess(ContainerSetup container, ChildProcess starter, Fd socket,
                                 std::vector<pid_t> spared)
    : container_(std::move(container)),
      starter_(std::move(starter)),
      socket_(std::move(socket)),
      spared_(std::move(spared)) {}

TrainingProcess TrainingProcess::start(TrainingSpec const& spec) {
    REPRISE_EXPECT(!spec.helper.empty() && !spec.learner.empty());
    auto const output = open_output(spec.stdout_path);
    auto const errors = open_output(spec.stderr_path);
    auto sockets = make_socket_pair();
    set_non_blocking(sockets.ours.get());
    auto spared = children();

    auto contained =
        contain(spec.container, spec.place, helper_command(spec), spec.inherited, spec.variables);
    ProcessSpec process;
    process.argv = std::move(contained.argv);
    process.environment = std::move(contained.environment);
    process.working_dir = spec.place.run_dir;
    process.stdout_fd = output.get();
    process.stderr_fd = errors.get();
    process.extra_fds = {{sockets.theirs.get(), socket_of_helper}};
    // What a terminal or mpirun sends to our group is for us to pass on, in order.
    process.group = ProcessGroup::own_session;
    process.parent_death_signal = SIGHUP;
    process.cpu_list = spec.cpu_list;
    // Batch systems send signals to every process: the helper stops in order, its container waits.
    if (spec.container.runtime != Runtime::none)
        process.ignored_signals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    process.cgroup_procs = spec.cgroup_procs;
    return {spec.container, spawn(process), std::move(sockets.ours), std::move(spared)};
}

TrainingProcess& TrainingProcess::operator=(TrainingProcess&& other) noexcept {
    if (this != &other) {
        abandon();
        container_ = std::move(other.container_);
        starter_ = std::move(other.starter_);
        socket_ = std::move(other.socket_);
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
    if (!starter_ || starter_->pid() < 0) return;
    starter_.reset();  // kills it
    try {
        kill_all_descendants(kill_limit, spared_);
    } catch (std::bad_alloc const&) {
        // Nothing to be done about it, and nobody to be told.
    }
}

std::array<int, 2> TrainingProcess::poll_fds() const noexcept {
    return {starter_ ? starter_->pidfd() : -1, socket_.get()};
}

void TrainingProcess::on_readable() {
    if (end_) return;
    read_report();
    auto status = starter_->try_wait();
    // Where the kernel has no pidfds, the end of the report tells of the helper's end.
    if (!status && starter_->pidfd() < 0 && !socket_) status = starter_->wait();
    if (!status) return;
    read_report();  // what it wrote before it ended
    finish(*status);
}

void TrainingProcess::read_report() {
    std::array<char, 4096> buffer{};
    while (socket_) {
        auto const count = ::read(socket_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0) {
            socket_ = Fd();
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

void TrainingProcess::finish(ExitStatus const& starter_status) {
    TrainingEnd end;
    // Where the starter was killed the helper may still be there, in a namespace of its own.
    if (!report_.end || report_.left_running > 0 || has_other_children(spared_)) {
        end.left_running = kill_all_descendants(kill_limit, spared_);
        read_report();
    }
    end.learner = report_.learner.status;
    end.backend = report_.backend.status;
    end.how = report_.end ? how_of(*report_.end) : TrainingEnd::How::helper_lost;
    end.cpu_s = report_.end ? report_.cpu_s : starter_status.cpu_s;
    end.peak_memory_mb = report_.end ? report_.peak_memory_mb : starter_status.peak_memory_mb;
    describe_end(end, starter_status);
    starter_.reset();
    socket_ = Fd();
    end_ = std::move(end);
}

/// What the report leaves open: who ended it, and the words for people.
void TrainingProcess::describe_end(TrainingEnd& end, ExitStatus const& starter_status) const {
    using How = TrainingEnd::How;
    if (end.how == How::helper_lost && kill_asked_) end.how = How::killed;
    if (end.how == How::helper_lost && !report_.version_seen) {
        end.how = stop_asked_                           ? How::stopped
                  : container_.runtime != Runtime::none ? How::not_started
                                                        : How::helper_lost;
    }
    // The helper kills everything when the one that started its container has gone.
    if (end.how == How::killed && !kill_asked_) end.how = How::helper_lost;
    auto const& culprit = report_.backend.start_errno != 0 ? report_.backend : report_.learner;
    switch (end.how) {
        case How::learner_ended:
            end.message = "the learner ended (" + shown(end.learner) + ")";
            break;
        case How::backend_died:
            end.message = "the backend ended before the learner (" + shown(end.backend) + ")";
            break;
        case How::not_started:
            end.program = culprit.program;
            end.message = report_.version_seen ? message_of_program(culprit)
                                               : message_of_container(container_, starter_status);
            break;
        case How::stopped:
            end.message = "the training was stopped";
            break;
        case How::killed:
            end.message = "the training was killed";
            break;
        case How::helper_lost:
            end.message =
                "the process that watched the training ended (" + describe(starter_status) + ")";
            break;
    }
}

/// A helper that has gone meanwhile needs no order.
void TrainingProcess::order(char what) {
    if (!socket_) return;
    [[maybe_unused]] auto const sent = ::send(socket_.get(), &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void TrainingProcess::stop() {
    if (end_ || stop_asked_) return;
    order(run_helper::stop_order);
    stop_asked_ = true;
}

void TrainingProcess::kill() {
    if (end_) return;
    read_report();
    // One that has not said anything yet may never read an order.
    if (kill_asked_ || !report_.version_seen) {
        starter_->send_signal(SIGKILL);
    } else {
        order(run_helper::kill_order);
    }
    kill_asked_ = true;
}

}  // namespace reprise
