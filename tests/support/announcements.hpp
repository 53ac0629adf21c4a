/// @file How a test hears of processes that it did not start itself, without sleeping.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "reprise/system/fd.hpp"
#include "reprise/system/process_tree.hpp"
#include "support/private_folder.hpp"

namespace reprise::test {

/// A named pipe that scripted children (scripted_child.cpp) write to and keep open as long as they
/// live, with all that they fork: its end is the end of all of them.
class Announcements {
  public:
    struct Line {
        std::string word;
        ProcessId process;
    };

    Announcements() : path_(folder_ / "announcements") {
        if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("no fifo");
        fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        keep_open_ = Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    }

    [[nodiscard]] std::string const& path() const { return path_; }

    /// The next `count` lines; fewer when none came for 20 s.
    std::vector<Line> wait_for(std::size_t count) {
        std::vector<Line> lines;
        while (lines.size() < count) {
            auto const end = text_.find('\n');
            if (end == std::string::npos) {
                if (!readable() || !read_more()) break;
                continue;
            }
            std::istringstream stream(text_.substr(0, end));
            text_.erase(0, end + 1);
            Line line;
            stream >> line.word >> line.process.pid >> line.process.start_time;
            lines.push_back(line);
        }
        return lines;
    }

    /// Whether every process that ever announced itself ends, within 20 s. No more may come after
    /// this.
    bool all_end() {
        keep_open_ = Fd();
        while (readable()) {
            if (!read_more()) return true;
        }
        return false;
    }

  private:
    [[nodiscard]] bool readable() const {
        pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&entry, 1, 20000) > 0;
    }
    bool read_more() {
        char buffer[4096];
        auto const count = ::read(fd_.get(), buffer, sizeof buffer);
        if (count <= 0) return false;
        text_.append(buffer, static_cast<std::size_t>(count));
        return true;
    }

    PrivateFolder folder_;
    std::string path_;
    Fd fd_;
    Fd keep_open_;  ///< as long as more children may come
    std::string text_;
};

}  // namespace reprise::test
