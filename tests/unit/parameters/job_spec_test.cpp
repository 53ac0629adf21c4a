#include "reprise/parameters/job_spec.hpp"

#include <gtest/gtest.h>

#include "memory_files.hpp"

namespace reprise {
namespace {

using Texts = std::vector<std::string>;

/// A job with what must be given, and these overrides.
JobSpec spec_of(Texts overrides, std::string const& more = "") {
    return make_job_spec(load_parameters(
        {ParameterSource::Kind::dictionary,
         "{'working_dir': 'wd', 'config': {'config_templates': 't.json'}" + more + "}",
         std::move(overrides)},
        reader_of({})));
}

TEST(JobSpecTest, DefaultsAreTheSeeds) {
    auto const spec = spec_of({});
    EXPECT_EQ(spec.working_dir, "wd");
    EXPECT_EQ(spec.config_templates, "t.json");
    EXPECT_EQ(spec.training_iterations, 1);
    EXPECT_EQ(spec.learning_runs_per_job, 3);
    EXPECT_EQ(spec.max_attempts, 3);
    EXPECT_EQ(spec.learner.backend, (Texts{"hysr_start_robots", "@config@"}));
    EXPECT_EQ(spec.learner.command, (Texts{"hysr_one_ball_rl", "@config@"}));
    EXPECT_EQ(spec.learner.stop, (Texts{"hysr_stop"}));
    EXPECT_EQ(spec.runner.ranks, std::nullopt);
    EXPECT_EQ(spec.runner.launcher, LaunchMode::automatic);
    EXPECT_EQ(spec.runner.iterations_per_job, 1);
    EXPECT_EQ(spec.runner.early_reports, 0);
    EXPECT_EQ(spec.runner.accept, std::nullopt);
    EXPECT_EQ(spec.runner.max_restarts, 1000);
    EXPECT_EQ(spec.runner.stop_signal, "TERM");
    EXPECT_TRUE(spec.runner.split_cores && spec.runner.set_threads && spec.runner.deal_gpus);
    EXPECT_EQ(spec.runner.gpus_per_run, std::nullopt);
    EXPECT_TRUE(spec.notices.empty());
}

TEST(JobSpecTest, ReadsRunnerParameters) {
    auto const spec =
        spec_of({"learning_runs_per_job=5.0",    "runner.ranks=2",
                 "runner.launcher='mpirun'",     "runner.mpirun_args=['-v']",
                 "runner.iterations_per_job=4",  "runner.base_seed=0",
                 "runner.early_reports=3",       "runner.reducers=('iqm', 'mean', 'min', 'iqm')",
                 "runner.on_exhausted.accept=4", "runner.results_dir='r'",
                 "runner.max_restarts=0",        "runner.stop_signal='SIGINT'",
                 "runner.stop_grace_s=0.5",      "runner.run_time_limit_s=7200",
                 "runner.stall_timeout_s=0.5",   "runner.memory_limit_mb=4000.0",
                 "runner.on_term='silent'",      "runner.container='bubblewrap'",
                 "runner.tmp_size_mb=64",        "runner.cores='all'"});
    EXPECT_EQ(spec.learning_runs_per_job, 5);
    EXPECT_EQ(spec.runner.ranks, 2);
    EXPECT_EQ(spec.runner.launcher, LaunchMode::mpirun);
    EXPECT_EQ(spec.runner.mpirun_args, (Texts{"-v"}));
    EXPECT_EQ(spec.runner.iterations_per_job, 4);
    EXPECT_EQ(spec.runner.base_seed, 0);
    EXPECT_EQ(spec.runner.early_reports, 3);
    EXPECT_EQ(spec.runner.reducers, (Texts{"iqm", "min"}));
    EXPECT_EQ(spec.runner.accept, 4);
    EXPECT_EQ(spec.runner.results_dir, "r");
    EXPECT_EQ(spec.runner.max_restarts, 0);
    EXPECT_EQ(spec.runner.stop_signal, "INT");
    EXPECT_EQ(spec.runner.stop_grace_s, 0.5);
    EXPECT_EQ(spec.runner.run_time_limit_s, 7200.0);
    EXPECT_EQ(spec.runner.stall_timeout_s, 0.5);
    EXPECT_EQ(spec.runner.memory_limit_mb, 4000);
    EXPECT_EQ(spec.runner.on_term, OnTerm::silent);
    EXPECT_EQ(spec.runner.container, Runtime::bubblewrap);
    EXPECT_EQ(spec.runner.tmp_size_mb, 64);
}

TEST(JobSpecTest, ReadsTheImage) {
    auto const spec = spec_of({},
                              ", 'singularity': {'image': '~/x.sif', 'use_run': False, "
                              "'executable': 'singularity', 'args': ['--nv']}");
    EXPECT_EQ(spec.image.path, "~/x.sif");
    EXPECT_FALSE(spec.image.use_run);
    EXPECT_EQ(spec.image.executable, "singularity");
    EXPECT_EQ(spec.image.args, (Texts{"--nv"}));
    EXPECT_TRUE(spec_of({}).image.use_run);
    EXPECT_EQ(spec_of({}).runner.container, std::nullopt);
}

TEST(JobSpecTest, ReadsHowAHostIsDivided) {
    auto const off =
        spec_of({"runner.cores='all'", "runner.threads='keep'", "runner.gpus_per_run='all'"});
    EXPECT_FALSE(off.runner.split_cores || off.runner.set_threads || off.runner.deal_gpus);
    for (double const number : {0.0, 0.25, 1.0, 3.0}) {
        auto const spec = spec_of({"runner.gpus_per_run=" + std::to_string(number)});
        EXPECT_EQ(spec.runner.gpus_per_run, number);
        EXPECT_TRUE(spec.runner.deal_gpus);
    }
}

TEST(JobSpecTest, EmptyListAndNoneMeanNoCommand) {
    auto const spec = spec_of({"learner.backend=[]", "learner.stop=None",
                               "learner.seed_parameter=''", "learner.steps_parameter=None"});
    EXPECT_TRUE(spec.learner.backend.empty());
    EXPECT_TRUE(spec.learner.stop.empty());
    EXPECT_EQ(spec.learner.seed_parameter, "");
    EXPECT_EQ(spec.learner.steps_parameter, "");
    EXPECT_FALSE(spec.learner.seed_parameter_given);
}

TEST(JobSpecTest, CheckpointsCanBeElsewhereOrSwitchedOff) {
    EXPECT_EQ(spec_of({}).learner.checkpoints, "training_logs/checkpoints/rl_model_*_steps.zip");
    EXPECT_FALSE(spec_of({}).learner.checkpoints_given);
    auto const own = spec_of({"learner.checkpoints='saved//step_*/model.pt'"});
    EXPECT_EQ(own.learner.checkpoints, "saved/step_*/model.pt");
    EXPECT_TRUE(own.learner.checkpoints_given);
    for (auto const* none : {"learner.checkpoints=''", "learner.checkpoints=None"}) {
        EXPECT_EQ(spec_of({none}).learner.checkpoints, "") << none;
        EXPECT_FALSE(spec_of({none}).learner.checkpoints_given) << none;
    }
}

TEST(JobSpecTest, NoneMeansNotGiven) {
    auto const spec =
        spec_of({"runner.ranks=None", "max_attempts=None", "runner.time_limit_s=None"});
    EXPECT_EQ(spec.runner.ranks, std::nullopt);
    EXPECT_EQ(spec.max_attempts, 3);
}

TEST(JobSpecTest, ALearnerOfOnesOwnNeedsNoTemplates) {
    auto const spec = make_job_spec(load_parameters(
        {ParameterSource::Kind::dictionary,
         "{'working_dir': 'wd', 'lr': 0.1, 'learner.command': ['train', '@config@']}",
         {}},
        reader_of({})));
    EXPECT_EQ(spec.config_templates, "");
    EXPECT_EQ(spec.learner.command, (Texts{"train", "@config@"}));
    EXPECT_TRUE(spec.notices.empty());
}

TEST(JobSpecTest, TellsAboutParametersThatNobodyUses) {
    EXPECT_EQ(spec_of({"singularity.script='x'"}, ", 'singularity': {}").notices,
              (Texts{"parameter 'singularity.script' is ignored (reprise runs the learner "
                     "itself)."}));
    EXPECT_EQ(spec_of({"note='x'", "ranks=2", "command=1"}).notices,
              (Texts{"parameter 'note' is not used by reprise.",
                     "parameter 'ranks' is not used by reprise. Did you mean 'runner.ranks'?",
                     "parameter 'command' is not used by reprise. Did you mean "
                     "'learner.command'?"}));
    EXPECT_TRUE(spec_of({"id=4"}).notices.empty());
}

TEST(JobSpecTest, ForeignNamesPassThatAreNotLikeOurs) {
    for (std::string const name :
         {"seed", "name", "it", "experiment", "model_dir", "configuration"}) {
        EXPECT_NO_THROW(spec_of({name + "=1"})) << name;
    }
}

}  // namespace
}  // namespace reprise
