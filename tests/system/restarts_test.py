"""A sample that takes several starts: what the server hears, what is trained again, and what may
change in between."""

import os

import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of

FIRST = [f"run_{run}.0-0" for run in range(3)]
SECOND = [f"run_{run}.1-0" for run in range(3)]
LAST_REWARDS = [reward_of(run, 1) for run in range(3)]


class RestartsTest(support.SystemTest):
    def check_continuation(self, job, run, first="{}.0-0", second="{}.1-0"):
        """The second iteration of a run has the first one's model and goes on from there."""
        first, second = "run_" + first.format(run), "run_" + second.format(run)
        facts = job.facts(second)
        self.assertEqual(facts["load_path"], job.path(first, "model"))
        self.assertEqual(facts["loaded"], {"steps": 1000, "made_by": [first]})
        row = job.attempt(second)
        self.assertEqual((row["loaded_from"], row["steps"]), (first, 2000))

    def test_two_iterations_take_two_starts_on_any_ranks(self):
        for ranks in ((3, 3), (1, 4), (3, 1)):
            with self.subTest(ranks=ranks):
                self.check_two_starts(*ranks)

    def check_two_starts(self, ranks_first, ranks_second):
        server = self.server()
        job = self.job({"*": {"lasts_s": 0.05}}, server, training_iterations=2)
        job.set(**{"runner.ranks": ranks_first})
        self.assert_ended(job.run(), 3)
        self.assert_last_word(server, RESUME)
        self.assertEqual(set(server.names), {STARTED, PROGRESS, RESUME})
        self.assertEqual(server.payloads(PROGRESS)[-1], 0.5)
        self.assertEqual(job.directories, FIRST)
        self.assertFalse(os.path.exists(job.path("metrics.csv")))
        server.forget()

        job.set(**{"runner.ranks": ranks_second})
        second = job.run()
        self.assert_ended(second, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assertEqual(server.names[0], STARTED)
        self.assertEqual(server.payloads(PROGRESS)[-1], 1.0)
        self.assertGreater(server.payloads(PROGRESS)[0], 0.5)
        self.assertEqual(job.directories, sorted(FIRST + SECOND))
        for run in range(3):
            self.check_continuation(job, run)
        metrics = self.assert_mean(server, LAST_REWARDS)
        self.assertAlmostEqual(
            metrics["time_elapsed"],
            sum(row["end"] - row["start"] for row in job.start_rows),
            places=6,
        )
        self.assertEqual([row["outcome"] for row in job.start_rows], ["resume", "finished"])
        self.assertEqual([row["ranks"] for row in job.start_rows], [ranks_first, ranks_second])
        self.assertEqual(len({row["seed"] for row in job.attempts}), 6)

    def test_one_start_does_several_iterations_when_asked_to(self):
        server = self.server()
        job = self.job({}, server, training_iterations=3, **{"runner.iterations_per_job": 2})
        self.assert_ended(job.run(), 3)
        self.assert_last_word(server, RESUME)
        self.assertEqual(job.directories, sorted(FIRST + SECOND))
        self.assertAlmostEqual(server.payloads(PROGRESS)[-1], 2 / 3)
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, [reward_of(run, 2) for run in range(3)])
        for run in range(3):
            self.check_continuation(job, run)

    def test_by_hand_iterations_follow_one_another_in_one_job(self):
        job = self.job({}, training_iterations=2)
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertEqual(job.directories, sorted(FIRST + SECOND))
        row = support.read_csv_row(job.path("metrics.csv"))
        self.assertAlmostEqual(float(row["mean_eprewmean"]), support.mean(LAST_REWARDS), places=12)
        self.assertIn("results.h5", ended.stdout)

    def test_by_hand_a_job_leaves_between_iterations_when_told_so(self):
        job = self.job({}, training_iterations=2)
        self.assert_ended(job.run("--exit-for-restart"), 3)
        self.assertEqual(job.directories, FIRST)
        self.assert_ended(job.run("--exit-for-restart"), 0)
        self.assertEqual(job.directories, sorted(FIRST + SECOND))

    def test_a_failure_does_not_hold_up_the_next_iteration_of_its_run(self):
        """attempt counts the failures of a run over all its iterations."""
        server = self.server()
        plan = {"0.0-0": {"ends_with": 5}, "0.1-1": {"dies_by": 11}}
        job = self.job(plan, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        self.assertEqual(job.directories, sorted(["run_0.0-1", *FIRST]))
        self.assert_ended(job.run(), 0)
        self.assertEqual(
            job.directories, sorted(["run_0.0-1", "run_0.1-1", "run_0.1-2", *FIRST, *SECOND[1:]])
        )
        self.check_continuation(job, 0, "{}.0-1", "{}.1-2")
        self.check_continuation(job, 1)

    def test_a_job_that_is_done_sends_the_same_result_again(self):
        server = self.server()
        job = self.job({}, server)
        self.assert_ended(job.run(), 0)
        before = (server.payloads(RESULTS), job.directories, job.attempts)
        client_files = [job.path(name) for name in ("metrics.csv", "param_choice.csv")]
        contents = [open(path).read() for path in client_files]
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assertEqual(server.names, [STARTED, RESULTS, CONCLUDED])
        self.assertEqual((server.payloads(RESULTS), job.directories, job.attempts), before)
        self.assertEqual([open(path).read() for path in client_files], contents)

    def test_a_sample_with_other_parameters_is_refused_by_name(self):
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        rows = job.attempts
        for name, value, shown in (
            ("config.rl_config.n_steps", 250, "config.rl_config.n_steps"),
            ("learning_runs_per_job", 4, "learning_runs_per_job"),
        ):
            with self.subTest(name):
                before = job.parameters.get(name)
                job.set(**{name: value})
                server.forget()
                ended = job.run()
                self.assert_ended(ended, 1)
                self.assertEqual(server.names, [STARTED, ERROR])
                for text in (server.error_text, ended.stderr):
                    self.assertIn(f"'{shown}'", text)
                    self.assertIn("working_dir", text)
                job.set(**{name: before})
        self.assertEqual(job.attempts, rows)
        server.forget()
        self.assert_ended(job.run(), 0)

    def test_a_template_that_has_changed_is_refused_by_name(self):
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        path = os.path.join(os.path.dirname(job.templates), "reward_config_default.json")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("3.0", "3.5"))
        server.forget()
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("config.reward_config.normalization_constant", server.error_text)

    def test_a_damaged_results_file_is_an_error_by_name_and_stays_as_it_is(self):
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        with open(job.results_path, "rb") as file:
            content = file.read()
        for damaged in (content[:-1], content[:1000], b"", b"x" * len(content)):
            with self.subTest(size=len(damaged)):
                with open(job.results_path, "wb") as file:
                    file.write(damaged)
                server.forget()
                self.assert_ended(job.run(), 1)
                self.assert_last_word(server, ERROR)
                self.assertIn(job.results_path, server.error_text)
                with open(job.results_path, "rb") as file:
                    self.assertEqual(file.read(), damaged)
        with open(job.results_path, "wb") as file:
            file.write(content)
        self.assert_ended(job.run(), 0)

    def test_run_directories_of_a_lost_results_file_are_left_alone(self):
        """Nobody knows what became of them: the sample begins anew, in directories of its own."""
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        os.unlink(job.results_path)
        seen = {name: os.stat(job.path(name, "facts.json")).st_ino for name in FIRST}
        server.forget()
        self.assert_ended(job.run(), 3)
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, LAST_REWARDS)
        self.assertEqual(
            {name: os.stat(job.path(name, "facts.json")).st_ino for name in FIRST}, seen
        )
        for run in range(3):
            self.check_continuation(job, run, "{}.0-0.part1")

    def test_a_working_dir_that_cannot_be_made_is_an_error_by_name(self):
        server = self.server()
        job = self.job({}, server)
        open(job.working_dir, "w").close()
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn(job.working_dir, server.error_text)

    def test_limits_and_ranks_may_change_between_starts(self):
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        self.assert_ended(job.run(), 3)
        job.set(max_attempts=7, **{"runner.ranks": 2, "runner.max_restarts": 5})
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, LAST_REWARDS)

    def test_a_failed_job_says_so_again_and_goes_on_with_more_attempts(self):
        server = self.server()
        plan = {"1.0-[01]": {"ends_with": 9, "says": "the arm is stuck\n"}}
        job = self.job(plan, server, max_attempts=2)
        self.assert_ended(job.run(), 1)
        reason = server.error_text.splitlines()[-1]
        self.assertIn("learning run 1", reason)
        self.assertIn("the arm is stuck", reason)
        rows = job.attempts
        server.forget()
        self.assert_ended(job.run(), 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.assertEqual(server.error_text.splitlines()[-1], reason)
        self.assertEqual(job.attempts, rows)
        server.forget()
        job.set(max_attempts=3)
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, [reward_of(run, 0) for run in range(3)])
        self.assertIn("run_1.0-2", job.directories)

    def test_a_job_is_not_restarted_for_ever(self):
        server = self.server()
        job = self.job({}, server, training_iterations=4, **{"runner.max_restarts": 1})
        self.assert_ended(job.run(), 3)
        self.assert_ended(job.run(), 3)
        server.forget()
        self.assert_ended(job.run(), 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.assertIn("runner.max_restarts", server.error_text)

    def test_results_dir_keeps_the_results_when_the_working_dir_goes(self):
        server = self.server()
        job = self.job({}, server)
        kept = os.path.join(job.folder, "kept")
        job.set(**{"runner.results_dir": kept})
        self.assert_ended(job.run(), 0)
        self.assertFalse(os.path.exists(job.results_path))
        (name,) = os.listdir(kept)
        self.assertTrue(name.startswith("out") and name.endswith(".h5"), name)
        self.assertEqual(len(support.read_rows(os.path.join(kept, name), "attempts")), 3)


if __name__ == "__main__":
    support.main()
