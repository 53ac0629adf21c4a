#include "reprise/container/image_view.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/system/child_process.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/posix_error.hpp"
#include "reprise/system/process_tree.hpp"
#include "run_helper/look.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int answer_fd = 3;
/// A large image on a slow file system takes its time; one that takes longer hangs.
constexpr std::chrono::seconds start_limit{120};
constexpr std::size_t kept_words = 2000;

/// Appends what there is to read. Returns false at the end.
bool read_available(Fd& fd, std::string& text) {
    std::array<char, 65536> buffer{};
    while (fd) {
        auto const count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return true;
        if (count <= 0) fd = Fd();
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return false;
}

/// Without the colours that Apptainer gives to some of its words.
std::string without_colours(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("\x1b[")) {
            i = std::min(text.find('m', i), text.size());
        } else {
            plain += text[i];
        }
    }
    return plain;
}

/// The last line of what the runtime had to say; it begins with what went wrong. Only what
/// Apptainer has to say of its options stands above its usage.
std::string last_words(std::string const& said) {
    auto const plain = without_colours(said);
    if (auto const error = plain.find("Error for command"); error != std::string::npos) {
        return plain.substr(error, std::min(plain.find('\n', error) - error, kept_words));
    }
    auto const end = plain.find_last_not_of(" \n\t\r");
    if (end == std::string::npos) return "it said nothing";
    auto const begin = plain.rfind('\n', end);
    auto const first = begin == std::string::npos ? 0 : begin + 1;
    return plain.substr(first, std::min(end + 1 - first, kept_words));
}

class AnswerReader {
  public:
    explicit AnswerReader(std::string_view text) : text_(text) {}

    [[nodiscard]] std::optional<std::string_view> line() {
        auto const end = text_.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        auto const found = text_.substr(0, end);
        text_.remove_prefix(end + 1);
        return found;
    }
    [[nodiscard]] std::optional<std::string_view> bytes(std::size_t size) {
        if (text_.size() < size + 1 || text_[size] != '\n') return std::nullopt;
        auto const found = text_.substr(0, size);
        text_.remove_prefix(size + 1);
        return found;
    }

  private:
    std::string_view text_;
};

std::optional<std::size_t> number_after(std::string_view line, std::string_view word) {
    if (!line.starts_with(word)) return std::nullopt;
    line.remove_prefix(word.size());
    std::size_t value = 0;
    auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || end != line.data() + line.size()) return std::nullopt;
    return value;
}

}  // namespace

LookAnswer parse_look_answer(std::string_view text) {
    LookAnswer answer;
    AnswerReader reader(text);
    auto line = reader.line();
    if (!line || *line != run_helper::look_header) return answer;
    while ((line = reader.line())) {
        if (*line == "end") {
            answer.complete = true;
            return answer;
        }
        std::optional<std::string> item;
        std::size_t error = 0;
        if (line->starts_with("found ")) {
            item = std::string(line->substr(6));
        } else if (auto const size = number_after(*line, "content ")) {
            auto const content = reader.bytes(*size);
            if (!content) return answer;
            item = std::string(*content);
        } else if (auto const number = number_after(*line, "unreadable ")) {
            error = *number;
        } else if (*line != "missing") {
            return answer;
        }
        answer.items.push_back(std::move(item));
        answer.errors.push_back(static_cast<int>(error));
    }
    return answer;
}

ImageView::ImageView(ContainerSetup setup, RunPlace place, std::string helper,
                     std::vector<std::string> inherited)
    : setup_(std::move(setup)),
      place_(std::move(place)),
      helper_(std::move(helper)),
      inherited_(std::move(inherited)) {}

LookAnswer ImageView::ask(std::vector<std::string> const& questions) const {
    std::vector<std::string> command{helper_, "--look", std::to_string(answer_fd)};
    command.insert(command.end(), questions.begin(), questions.end());
    auto contained = contain(setup_, place_, std::move(command), inherited_, {});
    auto answer = make_pipe();
    auto words = make_pipe();
    set_non_blocking(answer.read_end.get());
    set_non_blocking(words.read_end.get());
    ProcessSpec process;
    process.argv = std::move(contained.argv);
    process.environment = std::move(contained.environment);
    process.stdout_fd = words.write_end.get();
    process.stderr_fd = words.write_end.get();
    process.extra_fds = {{answer.write_end.get(), answer_fd}};
    process.group = ProcessGroup::own_session;
    process.parent_death_signal = SIGKILL;
    auto const spared = children();
    auto child = spawn(process);
    answer.write_end.close();
    words.write_end.close();

    std::string text;
    std::string said;
    auto const end = steady_clock::now() + start_limit;
    while (answer.read_end && steady_clock::now() < end) {
        pollfd fds[] = {{answer.read_end.get(), POLLIN, 0}, {words.read_end.get(), POLLIN, 0}};
        poll_events(fds, std::chrono::ceil<milliseconds>(end - steady_clock::now()));
        read_available(answer.read_end, text);
        read_available(words.read_end, said);
    }
    bool const in_time = !answer.read_end;
    auto const status = in_time ? child.wait() : ExitStatus{};
    kill_all_descendants(kill_limit, spared);
    read_available(words.read_end, said);
    auto result = parse_look_answer(text);
    if (result.complete) return result;
    auto const subject = setup_.image.empty() ? name_of(setup_.runtime) : setup_.image;
    if (!in_time) {
        throw Error(Error::Kind::other, "start a container of", subject,
                    "it has not started within 120 s");
    }
    if (status.exit_code == 0 && setup_.use_run && takes_image(setup_.runtime)) {
        throw Error(Error::Kind::other, "start a command in", subject,
                    "its runscript ended without starting the command it was given",
                    "Let it end with exec \"$@\", or set singularity.use_run to False.");
    }
    throw Error(Error::Kind::other, "start a container of", subject,
                setup_.executable + " ended with " + describe(status) + ": " + last_words(said));
}

void ImageView::try_it() const { (void)ask({}); }

std::vector<std::string> ImageView::missing_programs(
    std::vector<std::string> const& programs) const {
    std::vector<std::string> questions;
    for (auto const& program : programs) questions.insert(questions.end(), {"program", program});
    auto const answer = ask(questions);
    REPRISE_ASSERT(answer.items.size() == programs.size());
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < programs.size(); ++i) {
        if (!answer.items[i]) missing.push_back(programs[i]);
    }
    return missing;
}

std::string ImageView::read_file(std::string const& path) const {
    auto const answer = ask({"file", path});
    REPRISE_ASSERT(answer.items.size() == 1);
    if (!answer.items[0]) throw posix_error(answer.errors[0], "read in the image", path);
    return *answer.items[0];
}

}  // namespace reprise
