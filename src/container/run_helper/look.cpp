#include "look.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace reprise::run_helper {
namespace {

bool is_program(std::string const& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

/// As execvp(3) looks it up.
std::string path_of_program(std::string const& name) {
    if (name.find('/') != std::string::npos) return is_program(name) ? name : "";
    char const* const path = std::getenv("PATH");
    std::string const directories = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
    for (std::size_t begin = 0; begin <= directories.size();) {
        auto const end = std::min(directories.find(':', begin), directories.size());
        auto const directory = directories.substr(begin, end - begin);
        auto candidate = (directory.empty() ? "." : directory) + "/" + name;
        if (is_program(candidate)) return candidate;
        begin = end + 1;
    }
    return "";
}

/// Returns an errno, 0 when the content is complete.
int read_whole(char const* path, std::string& content) {
    int const fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    char buffer[65536];
    int error = 0;
    while (error == 0) {
        ssize_t const count = ::read(fd, buffer, sizeof buffer);
        if (count == 0) break;
        if (count < 0) {
            error = errno == EINTR ? 0 : errno;
            continue;
        }
        content.append(buffer, static_cast<std::size_t>(count));
        if (content.size() > static_cast<std::size_t>(max_looked_at_bytes)) error = EFBIG;
    }
    ::close(fd);
    return error;
}

void answer_program(char const* name, std::string& answer) {
    auto const path = path_of_program(name);
    answer += path.empty() ? "missing\n" : "found " + path + "\n";
}

void answer_file(char const* path, std::string& answer) {
    std::string content;
    int const error = read_whole(path, content);
    if (error != 0) {
        answer += "unreadable " + std::to_string(error) + "\n";
    } else {
        answer += "content " + std::to_string(content.size()) + "\n" + content + "\n";
    }
}

bool write_all(int fd, std::string const& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        ssize_t const count = ::write(fd, text.data() + sent, text.size() - sent);
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) sent += static_cast<std::size_t>(count);
    }
    return true;
}

}  // namespace

int look(int argc, char** argv) {
    if (argc < 3 || argc % 2 == 0) return 2;
    std::string answer = std::string(look_header) + "\n";
    for (int i = 3; i < argc; i += 2) {
        if (std::strcmp(argv[i], "program") == 0) {
            answer_program(argv[i + 1], answer);
        } else if (std::strcmp(argv[i], "file") == 0) {
            answer_file(argv[i + 1], answer);
        } else {
            return 2;
        }
    }
    return write_all(std::atoi(argv[2]), answer + "end\n") ? 0 : 1;
}

}  // namespace reprise::run_helper
