/// @file reprise-run-helper: starts backend and learner of one attempt, inside the container if
/// there is one, and leaves nothing of them behind. Static, and in need of nothing but a kernel:
/// the image may hold another libc and none of our libraries. Command line: options.hpp; what it
/// does: supervisor.hpp; what it reports: report_format.hpp.
///
/// Asked to stop by its rank (report_format.hpp), SIGTERM or SIGINT: in order. A second time,
/// SIGHUP, or the death of the parent or of the rank: kill everything now. Exit code: 0 with a
/// complete report, 2 for a wrong command line, 1 when it cannot work here.
///
/// With --look it starts nothing but tells what is in the image: look.hpp.
/// With --guard or --guard-too it watches over a directory: guard.hpp.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "guard.hpp"
#include "look.hpp"
#include "options.hpp"
#include "reprise/system/process_tree.hpp"
#include "supervisor.hpp"

int main(int argc, char** argv) {
    using namespace reprise;
    if (argc > 1 && std::strncmp(argv[1], "--guard", std::strlen("--guard")) == 0) {
        return run_helper::guard(argc, argv);
    }
    if (argc > 1 && std::strcmp(argv[1], "--look") == 0) return run_helper::look(argc, argv);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0);

    char const* problem = nullptr;
    auto options = run_helper::parse_options(argc, argv, problem);
    if (!options) {
        std::fprintf(stderr, "reprise-run-helper: %s. reprise starts this program itself.\n",
                     problem);
        return 2;
    }
    sigset_t handled;
    ::sigemptyset(&handled);
    for (int const signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&handled, signal);
    int const signal_fd = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    // An ignored SIGCHLD, inherited from whoever started us, would hide how children end.
    ::signal(SIGCHLD, SIG_DFL);
    if (signal_fd < 0 || !become_subreaper() ||
        ::fcntl(options->report_fd, F_SETFD, FD_CLOEXEC) < 0) {
        std::perror("reprise-run-helper: cannot work here");
        return 1;
    }
    run_helper::Supervisor(std::move(*options), signal_fd).run();
    return 0;
}
