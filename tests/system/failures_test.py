"""Trainings that fail in every way: what is recorded, tried again, given up and said."""

import os
import time

import support
from support import CONCLUDED, ERROR, RESULTS, reward_of

# How learning run N fails at first: the plan, the outcome and its message, exit code and signal.
# (An attempt whose end is known by its reward has ended with 0.)
FAILURES = [
    ({"ends_with": 7, "says": "no ball today\n"}, "learner_failed", "no ball today", 7, 0),
    ({"dies_by": 11}, "learner_failed", "signal 11", -1, 11),
    ({"dies_by": 9}, "learner_failed", "signal 9", -1, 9),
    ({"hangs": True, "backend": {"ends_with": 6}}, "backend_died", "backend", 6, 0),
    ({"hangs": True, "backend": {"dies_by": 6}}, "backend_died", "backend", -1, 6),
    ({"hangs": True, "backend": {"ends_with": 0}}, "backend_died", "backend", 0, 0),
    ({"reward": "nan"}, "reward_not_finite", "nan", 0, 0),
    ({"reward": "-inf"}, "reward_not_finite", "-inf", 0, 0),
    ({"reward": ""}, "no_reward", "rollout/ep_rew_mean", 0, 0),
    ({"column": "rollout/other"}, "no_reward", "rollout/ep_rew_mean", 0, 0),
    ({"rows": 0}, "no_reward", "progress.csv", 0, 0),
]


class FailuresTest(support.SystemTest):
    def test_every_failure_is_recorded_and_tried_again_with_another_seed(self):
        server = self.server()
        plan = {f"{run}.0-0": failure[0] for run, failure in enumerate(FAILURES)}
        job = self.job(plan, server, learning_runs_per_job=len(FAILURES), **{"runner.ranks": 3})
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, [reward_of(run, 0) for run in range(len(FAILURES))])
        rows = {row["name"]: row for row in job.attempts}
        self.assertEqual(len(rows), 2 * len(FAILURES))
        for run, (behaviour, outcome, message, exit_code, number) in enumerate(FAILURES):
            with self.subTest(behaviour):
                row, retry = rows[f"run_{run}.0-0"], rows[f"run_{run}.0-1"]
                self.assertEqual(row["outcome"], outcome)
                self.assertIn(message, row["message"])
                self.assertEqual((row["exit_code"], row["signal"]), (exit_code, number))
                self.assertIsNone(row["reward"])
                self.assertEqual(retry["outcome"], "succeeded")
                self.assertNotEqual(row["seed"], retry["seed"])
                self.assertEqual(job.facts(f"run_{run}.0-1")["seed"], retry["seed"])
                self.assertIn(f"run_{run}.0-0", ended.stderr)
        self.assertEqual(len({row["seed"] for row in rows.values()}), len(rows))

    def test_the_death_of_the_backend_kills_the_learner_at_once(self):
        job = self.job(
            {"0.0-[012]": {"gate": "/nowhere", "ignores_term": True}},
            max_attempts=4,
            learning_runs_per_job=2,
        )
        start = job.start()
        delays = []
        for attempt in range(3):
            directory = f"run_0.0-{attempt}"
            job.wait_for_training(directory)
            job.wait_for_file(job.path(directory, "backend.pid"))
            learner = job.find("hysr_one_ball_rl", directory).pid
            began = time.monotonic()
            job.kill("hysr_start_robots", directory)
            support.wait_until(lambda: has_ended(learner), "the end of the learner")
            delays.append(time.monotonic() - began)
        self.assert_ended(start.wait(), 0)
        print("learner gone after its backend:", *(f"{1000 * d:.0f} ms" for d in delays))
        self.assertLess(min(delays), 0.2)
        self.assertLess(max(delays), 1.0)  # other work on the machine
        outcomes = [row["outcome"] for row in job.attempts if row["learning_run"] == 0]
        self.assertEqual(outcomes, ["backend_died"] * 3 + ["succeeded"])

    def test_a_backend_that_ends_with_its_learner_harms_nothing(self):
        plan = {"*": {"backend": {"ends_with_learner": True, "ends_with": 1}}}
        job = self.job(plan, max_attempts=1)
        self.assert_ended(job.run(), 0)
        self.assertEqual({row["outcome"] for row in job.attempts}, {"succeeded"})

    def test_nothing_outlives_an_attempt(self):
        """Daemons of the learner and of the backend, and a backend that will not stop."""
        plan = {
            "0.*": {"leaves_daemon": True},
            "1.*": {"backend": {"outlives_itself": True}},
            "2.*": {"backend": {"ignores_stop": True}},
            "3.*": {"gate": None},
        }
        job = self.job(plan, learning_runs_per_job=4, **{"runner.ranks": 4})
        plan["3.*"]["gate"] = job.gate()
        start = job.start()
        job.wait_for_training("run_3.0-0")

        def others():
            directories = [job.path(f"run_{run}.0-0") for run in range(3)]
            return [p for p in job.processes() if p.directory in directories]

        # The job goes on, but theirs are over: at the end of the attempt, not of the job.
        support.wait_until(lambda: start.stdout.count("succeeded") == 3, "three ends", state=others)
        self.assertEqual(others(), [])
        job.open_gate()
        self.assert_ended(start.wait(), 0)

    def test_a_run_that_fails_for_good_ends_the_job_and_stops_the_others(self):
        server = self.server()
        tail = "".join(f"line {i}\n" for i in range(100)) + "caf\xe9: the arm is stuck\n"
        plan = {
            "0.*": {},
            "1.*": {"ends_with": 3, "says": tail},
            "2.*": {"gate": "/nowhere"},
        }
        job = self.job(plan, server, max_attempts=2)
        plan["1.*"]["gate"] = job.path("run_0.0-0", "learner_ended")
        start = job.start()
        job.wait_for_training("run_2.0-0")
        ended = start.wait()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        lines = server.error_text.splitlines()
        self.assertIn("learning run 1 failed twice", lines[-1])
        self.assertIn("max_attempts", lines[-1])
        self.assertTrue(any("the arm is stuck" in line for line in lines[:-1]), lines)
        self.assertTrue(any("line 99" in line for line in lines), lines)
        self.assertTrue(any("run_1.0-1" in line for line in lines), lines)
        self.assertIn("learning run 1 failed twice", ended.stderr)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(
            outcomes,
            {
                "run_0.0-0": "succeeded",
                "run_1.0-0": "learner_failed",
                "run_1.0-1": "learner_failed",
                "run_2.0-0": "interrupted",
            },
        )
        self.assertEqual(job.start_rows[-1]["outcome"], "failed")
        self.assertFalse(os.path.exists(job.path("metrics.csv")))

    def test_a_mistake_in_the_set_up_does_not_burn_all_attempts(self):
        server = self.server()
        says = "Traceback ...\nModuleNotFoundError: No module named 'pam'\n"
        job = self.job({"*": {"ends_with": 1, "says": says}}, server, max_attempts=50)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("set-up", server.error_text)
        self.assertIn("No module named 'pam'", server.error_text)
        self.assertGreaterEqual(len(job.attempts), 6)
        self.assertLess(len(job.attempts), 15)

    def test_a_set_up_error_names_the_last_attempt(self):
        server = self.server()
        job = self.job({"*": {"ends_with": 1}}, server, learning_runs_per_job=1, max_attempts=9)
        self.assert_ended(job.run(), 1)
        self.assertIn("run_0.0-1", server.error_text)
        self.assertNotIn("run_0.0-0", server.error_text)

    def test_bad_luck_of_different_kinds_is_no_mistake_in_the_set_up(self):
        plan = {
            "*-[01]": {"ends_with": 1, "says": "collision\n"},
            "2.*-1": {"ends_with": 1, "says": "another thing\n"},
        }
        job = self.job(plan, max_attempts=3, **{"runner.ranks": 1})
        self.assert_ended(job.run(), 0)
        self.assertEqual(len(job.attempts), 9)

    def test_k_of_n_runs_are_enough_when_that_is_asked_for(self):
        server = self.server()
        job = self.job({"1.*": {"ends_with": 2}}, server, max_attempts=2)
        job.set(**{"runner.on_exhausted.accept": 2, "runner.reducers": ["failure_rate", "min"]})
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        metrics = self.assert_mean(server, [reward_of(0, 0), reward_of(2, 0)])
        self.assertEqual(metrics["failure_rate"], 0.5)
        self.assertEqual(metrics["min_eprewmean"], reward_of(0, 0))
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assertEqual(server.payloads(RESULTS), [metrics])

    def test_fewer_than_k_runs_are_not_enough(self):
        server = self.server()
        job = self.job({"[12].*": {"ends_with": 2}}, server, max_attempts=1)
        job.set(**{"runner.on_exhausted.accept": 2})
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)

    def test_a_command_that_is_not_there_is_named_before_anything_starts(self):
        not_executable = os.path.join(support.SOURCE_DIR, "CMakePresets.json")
        for name, command in (
            ("learner.command", ["no_such_program", "@config@"]),
            ("learner.command", ["./no/such/program"]),
            ("learner.backend", [not_executable, "@config@"]),
            ("learner.stop", ["no_such_stop"]),
        ):
            with self.subTest(command):
                server = self.server()
                job = self.job({}, server, **{name: command})
                self.assert_ended(job.run(), 1)
                self.assert_last_word(server, ERROR)
                self.assertIn(command[0], server.error_text)
                self.assertIn(name, server.error_text)
                self.assertFalse(os.path.exists(job.working_dir) and job.directories)

    def test_a_command_that_cannot_be_executed_fails_as_a_set_up_error(self):
        server = self.server()
        job = self.job({}, server, max_attempts=9)
        broken = os.path.join(job.bin, "broken_learner")
        with open(broken, "w") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(broken, 0o755)
        job.set(**{"learner.command": [broken]})
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("broken_learner", server.error_text)
        rows = job.attempts
        self.assertGreaterEqual([row["outcome"] for row in rows].count("not_started"), 6)
        self.assertLess(len(rows), 15)

    def test_a_trainer_without_backend_and_stop_command(self):
        for nothing in ([], None):
            with self.subTest(nothing):
                server = self.server()
                job = self.job({}, server, learning_runs_per_job=1)
                job.parameters["learner"] = {"backend": nothing, "stop": nothing}
                self.assert_ended(job.run(), 0)
                self.assertFalse(os.path.exists(job.path("run_0.0-0", "backend.pid")))

    def test_a_command_with_a_slash_is_relative_to_where_the_job_was_started(self):
        job = self.job({}, learning_runs_per_job=1)
        job.set(**{"learner.command": ["bin/hysr_one_ball_rl", "@config@", "run@@@run@"]})
        self.assert_ended(job.run(directory=job.folder), 0)
        facts = job.facts("run_0.0-0")
        self.assertEqual(facts["arguments"][1:], ["run@0"])

    def test_a_reward_is_the_last_finite_value(self):
        job = self.job({"0.*": {"rows": 6}}, learning_runs_per_job=1)
        self.assert_ended(job.run(), 0)
        self.assertEqual(job.attempt("run_0.0-0")["reward"], reward_of(0, 0))


def has_ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


if __name__ == "__main__":
    support.main()
