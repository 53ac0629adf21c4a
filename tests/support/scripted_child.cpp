/// @file A child that does what its arguments say, one after another:
///
///   announce FIFO WORD  write "WORD PID START_TIME" to FIFO and keep it open
///   exit CODE           end
///   die SIGNAL          end by a signal
///   ignore SIGNAL       from now on
///   on-signal SIGNAL CODE  end with CODE when it comes (from now on)
///   print TEXT          a line on stdout
///   flood               write to stdout for ever
///   env NAME            print the variable, or "NAME is not set"
///   wait-end FIFO       until everybody who has FIFO open for writing has closed it
///   allocate MIB        use so much more memory from now on
///   linger MS           do nothing for that long
///   daemon              go on as a double-forked daemon in its own session; the parent goes on
///                       behind the word "end-daemon"
///   end-daemon          (in the daemon) stay alive for ever
///   chain               for ever: fork a child that goes on and end
///   stay                for ever
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "reprise/system/process_tree.hpp"

namespace {

int exit_code_on_signal = 0;

void announce(char const* fifo, char const* word) {
    int const fd = ::open(fifo, O_WRONLY);
    auto const self = reprise::identify(::getpid());
    auto const line = std::string(word) + " " + std::to_string(::getpid()) + " " +
                      std::to_string(self ? self->start_time : 0) + "\n";
    if (::write(fd, line.data(), line.size()) < 0) std::_Exit(99);
}

[[noreturn]] void stay() {
    while (true) ::pause();
}

[[noreturn]] void flood() {
    std::string const text(4096, 'x');
    while (::write(STDOUT_FILENO, text.data(), text.size()) > 0) {
    }
    std::_Exit(98);
}

[[noreturn]] void chain() {
    while (true) {
        if (::fork() > 0) std::_Exit(0);
    }
}

/// Never given back.
void allocate(int mib) {
    static std::string memory;
    memory.assign(static_cast<std::size_t>(mib) * 1024 * 1024, 'x');
}

void wait_end(char const* fifo) {
    int const fd = ::open(fifo, O_RDONLY);
    char buffer[64];
    while (::read(fd, buffer, sizeof buffer) > 0) {
    }
    ::close(fd);
}

/// Returns true in the daemon.
bool became_daemon() {
    pid_t const first = ::fork();
    if (first == 0) {
        ::setsid();
        if (::fork() > 0) std::_Exit(0);
        return true;
    }
    ::waitpid(first, nullptr, 0);
    return false;
}

void skip_to_end_of_daemon(char**& word) {
    while (*word != nullptr && std::strcmp(*word, "end-daemon") != 0) ++word;
}

void on_signal(int) { std::_Exit(exit_code_on_signal); }

void print_variable(char const* name) {
    char const* const value = std::getenv(name);
    std::printf("%s%s%s\n", name, value ? "=" : " is not set", value ? value : "");
    std::fflush(stdout);
}

}  // namespace

int main(int, char** argv) {
    for (char** word = argv + 1; *word != nullptr; ++word) {
        std::string const action = *word;
        auto const text = [&] { return *++word; };
        auto const number = [&] { return std::atoi(*++word); };
        if (action == "announce") {
            char const* const fifo = text();
            announce(fifo, text());
        } else if (action == "exit") {
            std::_Exit(number());
        } else if (action == "die") {
            ::kill(::getpid(), number());
        } else if (action == "ignore") {
            std::signal(number(), SIG_IGN);
        } else if (action == "on-signal") {
            int const signal = number();
            exit_code_on_signal = number();
            std::signal(signal, on_signal);
        } else if (action == "print") {
            std::puts(text());
            std::fflush(stdout);
        } else if (action == "flood") {
            flood();
        } else if (action == "env") {
            print_variable(text());
        } else if (action == "wait-end") {
            wait_end(text());
        } else if (action == "allocate") {
            allocate(number());
        } else if (action == "linger") {
            ::poll(nullptr, 0, number());
        } else if (action == "daemon") {
            if (!became_daemon()) skip_to_end_of_daemon(word);
        } else if (action == "chain") {
            chain();
        } else if (action == "stay" || action == "end-daemon") {
            stay();
        } else {
            std::fprintf(stderr, "what is %s?\n", action.c_str());
            return 97;
        }
    }
    return 0;
}
