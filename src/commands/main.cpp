/// The command line. Options are declared here and nowhere else; what they do is in the commands.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "reprise/commands/launcher.hpp"
#include "reprise/commands/rank_main.hpp"
#include "reprise/commands/version.hpp"
#include "reprise/container/training_environment.hpp"
#include "reprise/core/error.hpp"

namespace {

constexpr char const* description =
    "Runs the repeated trainings (learning runs) of one hyperparameter sample side by side in one "
    "MPI job,\nretries what fails, and hands cluster_utils one number.";

constexpr char const* job_help = R"(Train all learning runs of one sample.

The parameters come in one of these forms:
  reprise job settings.json [key=value ...]      by hand; values are Python literals
  reprise job --job-id=N --cluster-utils-server=IP:PORT --parameter-dict "{...}"
                                                 from cluster_utils 3.x (scripts/run_mpi.py)
  reprise job "{'_id': N, 'ip': ..., 'port': ...}" "{...}"
                                                 from cluster_utils 2.x

Examples:
  reprise job settings.json learning_runs_per_job=5 config.rl_config.num_hidden=64
  reprise job settings.json "learner.command=['./train.py', '@config@']"

Parameters (docs/parameters.md has all): working_dir, config.config_templates,
config.<file>.<name>[:<index>], learning_runs_per_job (3), training_iterations (1),
max_attempts (3), runner.*, learner.*

Exit codes: 0 done, 1 failed, 3 start the same command again to go on.
Time: the job leaves with 3 before its end, which Slurm tells, or runner.time_limit_s.
Signals: USR1 stops in order and leaves for a resume; TERM and INT save and end, within 5 s; what
is said then is runner.on_term.)";

}  // namespace

namespace reprise {
namespace {

void add_job_options(CLI::App& command, JobOptions& job) {
    command.add_flag("--exit-for-restart", job.exit_for_restart,
                     "Leave with exit code 3 after runner.iterations_per_job training iterations\n"
                     "though no cluster_utils server asks for it (batch scripts)");
    command.add_option("--log-level", job.log_level, "debug, info, warning or error")
        ->capture_default_str();
    // Everything else is parameters; their own parser knows their forms.
    command.allow_extras();
    command.prefix_command(false);
}

/// A word that is no command, with more help than "a subcommand is required".
void check_command_word(std::string const& word) {
    if (word.empty() || word.front() == '-' || word == "job" || word == "rank") return;
    for (auto const* const later : {"evaluate", "status", "watch", "report", "check"}) {
        if (word == later) {
            throw InputError("the command '" + word + "' is not available in this version.");
        }
    }
    throw InputError("'" + word + "' is no command. The command is: reprise job settings.json");
}

int run(int argc, char** argv) {
    CLI::App app{description, "reprise"};
    app.set_version_flag("--version", version());
    app.require_subcommand(1);
    app.footer("Not in this version yet: evaluate, status, watch, report, check.");

    JobOptions job_options;
    auto* job = app.add_subcommand("job", job_help);
    add_job_options(*job, job_options);

    RankOptions rank_options;
    auto* rank = app.add_subcommand("rank", "One rank of a job; started by `reprise job`");
    rank->group("");  // not for users
    rank->add_option("--channel", rank_options.channel)->required();
    rank->add_flag("--solo", rank_options.solo);
    rank->add_flag("--refuse", rank_options.refuse);
    rank->add_option("--keep-fd", rank_options.keep_fd);
    OuterStep outer;
    rank->add_option("--starter", outer.starter);
    rank->add_option("--task", outer.task);
    rank->add_option("--tasks", outer.tasks);
    add_job_options(*rank, rank_options.job);

    if (argc > 1) check_command_word(argv[1]);
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& e) {
        bool const wrong = e.get_exit_code() != 0;
        if (wrong && argc > 1 && std::string(argv[1]) == "job") {
            return refuse_job({argv + 2, argv + argc},
                              std::string(e.what()) + " See: reprise job --help");
        }
        app.exit(e);
        return wrong ? 1 : 0;
    }
    if (job->parsed()) {
        job_options.arguments = job->remaining();
        job_options.outer = find_outer_step(own_environment());
        return run_job(job_options);
    }
    rank_options.job.arguments = rank->remaining();
    if (!outer.starter.empty()) rank_options.job.outer = outer;
    return rank_main(rank_options);
}

}  // namespace
}  // namespace reprise

int main(int argc, char** argv) {
    try {
        return reprise::run(argc, argv);
    } catch (std::exception const& e) {
        std::fprintf(stderr, "reprise: %s\n", e.what());
        return 1;
    }
}
