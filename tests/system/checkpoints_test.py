"""Trainings that were cut short go on from their newest checkpoint: how many steps they still make,
what their learning curve shows, and what happens to checkpoints that are no good."""

import glob
import os
import signal

import h5py
import support
from support import CONCLUDED, EARLY_REPORT, RESULTS, RESUME, reward_of

STEPS = 1000  # of one iteration, in the templates
EVERY = {"row_every": 100, "checkpoint_every": 250}
RUN_0 = "run_0.0-0"
PART_1 = "run_0.0-0.part1"
PART_2 = "run_0.0-0.part2"


class CheckpointsTest(support.SystemTest):
    def one_run(self, behaviour=None, server=None, **parameters):
        """One learning run that waits at a gate after 620 steps: at 600 it wrote a row, at 500 a
        checkpoint."""
        job = self.job({}, server, learning_runs_per_job=1, **parameters)
        job.plan["*"] = {**EVERY, "gate_at": 620, "gate": job.gate(), **(behaviour or {})}
        return job

    def cut_short(self, job, directory=RUN_0, number=signal.SIGUSR1):
        start = job.start()
        job.wait_for_training(directory)
        start.signal(number)
        self.assert_ended(start.wait(), 3)

    def curve(self, job, name):
        with h5py.File(job.results_path, "r") as file:
            dataset = file["curves"][name]
            columns = [column.decode() for column in dataset.attrs["columns"]]
            return [int(x) for x in dataset[:, columns.index("time/total_timesteps")]]

    def assert_whole_curve(self, job, name, began=0, end=STEPS):
        """Every hundredth step once (each stands in two lines); those behind a checkpoint that is
        no hundred were made by a part that counts its hundreds from there."""
        steps = sorted(set(self.curve(job, name)))
        self.assertEqual(self.curve(job, name), [step for step in steps for _ in range(2)])
        gaps = [b - a for a, b in zip([began, *steps], steps)]
        self.assertTrue(all(0 < gap < 200 for gap in gaps), steps)
        self.assertGreater(steps[-1], end - 100)
        self.assertLessEqual(steps[-1], end)

    def steps_made(self, job, name):
        """By the learner: behind it when it began, and asked for."""
        facts = job.facts(name)
        return facts["trained"], facts["num_timesteps"]

    def load_path(self, job, directory, steps):
        name = f"rl_model_{steps}_steps"
        return job.path(directory, "training_logs", "checkpoints", name)

    def test_an_iteration_goes_on_from_its_newest_checkpoint(self):
        server = self.server()
        job = self.one_run(server=server)
        self.cut_short(job)
        self.assert_last_word(server, RESUME)
        self.assertEqual(self.curve(job, RUN_0)[-1], 600)
        server.forget()
        job.open_gate()
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, [reward_of(0, 0)])
        self.assertEqual(self.steps_made(job, PART_1), (500, 500))
        self.assertEqual(job.facts(PART_1)["load_path"], self.load_path(job, RUN_0, 500))
        first, last = job.attempts
        self.assertEqual((first["outcome"], first["steps"]), ("interrupted", 600))
        self.assertEqual((last["outcome"], last["steps"]), ("succeeded", 1000))
        self.assertEqual((last["part"], last["attempt"], last["loaded_from"]), (1, 0, RUN_0))
        self.assertEqual(first["seed"], last["seed"])
        self.assertEqual(support.curve_names(job.results_path), [PART_1])
        self.assert_whole_curve(job, PART_1)
        self.assertIn("500 steps behind it", ended.stdout)

    def test_learners_that_begin_at_zero_go_on_too(self):
        """As Stable-Baselines3 does unless it is told otherwise; in the second iteration."""
        job = self.one_run({"begins_at_zero": True}, training_iterations=2)
        job.plan["0.0-0"] = {"gate_at": 0, "gate": job.folder}
        self.cut_short(job, "run_0.1-0")
        self.assertEqual(job.attempts[-1]["steps"], 600)
        self.cut_short(job, "run_0.1-0.part1")  # 500 behind it, the gate is at 620
        self.assertEqual(job.attempts[-1]["steps"], 600)
        job.plan["*"]["gate_at"] = 930
        self.cut_short(job, "run_0.1-0.part2")
        job.open_gate()
        self.assert_ended(job.run(), 0)
        parts = [f"run_0.1-0.part{part}" for part in (1, 2, 3)]
        self.assertEqual(
            [self.steps_made(job, part) for part in parts], [(500, 500), (500, 500), (750, 250)]
        )
        self.assertEqual(job.facts(parts[2])["load_path"], self.load_path(job, parts[1], 250))
        self.assertEqual([row["steps"] for row in job.attempts], [1000, 600, 600, 900, 950])
        self.assertEqual(support.curve_names(job.results_path), ["run_0.0-0", parts[2]])
        self.assert_whole_curve(job, parts[2])

    def test_learners_that_count_on_go_on_in_a_later_iteration(self):
        job = self.one_run(training_iterations=2)
        job.plan["0.0-0"] = {"gate_at": 0, "gate": job.folder}
        self.cut_short(job, "run_0.1-0")
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.steps_made(job, "run_0.1-0.part1"), (500, 500))
        self.assertEqual(job.attempts[-1]["steps"], 2000)
        self.assert_whole_curve(job, "run_0.1-0.part1", began=1000, end=2000)

    def test_a_lost_rank_costs_no_more_than_the_steps_since_the_checkpoint(self):
        for role in ("rank 0", "mpirun"):
            with self.subTest(role):
                server = self.server()
                job = self.one_run(server=server, **{"runner.launcher": "mpirun"})
                start = job.start()
                job.wait_for_training(RUN_0)
                job.kill(role)
                self.assert_ended(start.wait(), 3)
                job.open_gate()
                self.assert_ended(job.run(), 0)
                self.assertEqual(self.steps_made(job, PART_1), (500, 500))
                first, last = job.attempts
                self.assertEqual((first["outcome"], first["steps"]), ("lost", 600))
                self.assertEqual((last["outcome"], last["steps"]), ("succeeded", 1000))
                self.assert_whole_curve(job, PART_1)

    def test_everything_at_once_is_killed_again_and_again(self):
        job = self.one_run()
        for part, gate_at in enumerate((320, 620, 770)):
            job.plan["*"]["gate_at"] = gate_at
            job.start()
            job.wait_for_training(RUN_0 + (f".part{part}" if part else ""))
            job.kill_all()
            job.starts[-1].wait()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        parts = [f"{RUN_0}.part{part}" for part in (1, 2, 3)]
        self.assertEqual(
            [self.steps_made(job, part) for part in parts], [(250, 750), (500, 500), (750, 250)]
        )
        self.assertEqual(
            [(row["outcome"], row["loaded_from"]) for row in job.attempts],
            [("lost", ""), ("lost", RUN_0), ("lost", parts[0]), ("succeeded", parts[1])],
        )
        self.assert_whole_curve(job, parts[2])

    def test_a_torn_checkpoint_is_passed_over_for_the_one_before(self):
        def cut(path):
            os.truncate(path, os.path.getsize(path) // 2)

        def empty(path):
            os.truncate(path, 0)

        def flip(path):
            with open(path, "r+b") as file:
                content = bytearray(file.read())
                content[content.index(b"made_by")] ^= 1
                file.seek(0)
                file.write(content)

        def rename(path):
            os.rename(path, path + ".tmp")

        for damage in (cut, empty, flip, rename):
            with self.subTest(damage.__name__):
                job = self.one_run()
                self.cut_short(job)
                damage(self.load_path(job, RUN_0, 500) + ".zip")
                job.open_gate()
                ended = job.run()
                self.assert_ended(ended, 0)
                self.assertEqual(self.steps_made(job, PART_1), (250, 750))
                self.assertEqual("is not complete" in ended.stderr, damage is not rename)
                self.assert_whole_curve(job, PART_1)

    def test_without_a_complete_checkpoint_the_iteration_begins_anew(self):
        job = self.one_run()
        self.cut_short(job)
        for path in glob.glob(job.path(RUN_0, "training_logs", "checkpoints", "*")):
            os.truncate(path, 10)
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.steps_made(job, PART_1), (0, 1000))
        self.assertEqual(job.attempts[-1]["loaded_from"], "")
        self.assert_whole_curve(job, PART_1)

    def test_a_checkpoint_that_cannot_be_loaded_costs_one_attempt(self):
        job = self.one_run({"refuses_checkpoints": True})
        self.cut_short(job)
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(job.directories, [RUN_0, PART_1, "run_0.0-1"])
        self.assertEqual(self.steps_made(job, "run_0.0-1"), (0, 1000))
        outcomes = [row["outcome"] for row in job.attempts]
        self.assertEqual(outcomes, ["interrupted", "learner_failed", "succeeded"])

    def test_a_training_that_was_as_good_as_over_makes_its_last_steps_again(self):
        """The last checkpoint leaves nothing to train, so the one before it is taken."""
        job = self.one_run({"gate_at": 1000})
        self.cut_short(job)
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.steps_made(job, PART_1), (750, 250))
        self.assert_whole_curve(job, PART_1)

    def test_the_reward_of_a_short_rest_is_that_of_the_parts_before(self):
        job = self.one_run({"row_every": 300, "gate_at": 920})
        self.cut_short(job)
        job.plan["0.0-0.part1"] = {"row_every": 400}
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.steps_made(job, PART_1), (750, 250))
        row = job.attempts[-1]
        self.assertEqual((row["reward"], row["steps"]), (reward_of(0, 0), 750))
        self.assertEqual(sorted(set(self.curve(job, PART_1))), [300, 600])

    def test_early_reports_count_over_parts(self):
        server = self.server()
        job = self.one_run(server=server, **{"runner.early_reports": 4})

        def wait_for_reports(count, start):
            support.wait_until(
                lambda: len(server.payloads(EARLY_REPORT)) >= count or not start.is_running,
                f"{count} early reports",
                state=lambda: start.stdout,
            )
            self.assertEqual(len(server.payloads(EARLY_REPORT)), count)

        start = job.start()
        job.wait_for_training(RUN_0)
        wait_for_reports(2, start)  # 600 of 1000 steps
        start.signal(signal.SIGUSR1)
        self.assert_ended(start.wait(), 3)
        job.plan["*"]["gate_at"] = 880
        start = job.start()
        job.wait_for_training(PART_1)
        wait_for_reports(3, start)  # 300 on top of 500
        job.open_gate()
        self.assert_ended(start.wait(), 0)
        self.assertEqual(len(server.payloads(EARLY_REPORT)), 4)

    def test_going_on_can_be_switched_off_and_on(self):
        job = self.one_run(**{"learner.checkpoints": ""})
        self.cut_short(job)
        self.cut_short(job, PART_1)
        self.assertEqual(self.steps_made(job, PART_1), (0, 1000))
        job.set(**{"learner.checkpoints": None})  # the default again
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.steps_made(job, PART_2), (500, 500))
        self.assert_whole_curve(job, PART_2)

    def test_without_a_number_of_steps_one_warning_says_so(self):
        job = self.job({}, learning_runs_per_job=2, **{"learner.steps_parameter": ""})
        job.plan["*"] = {**EVERY, "gate_at": 620, "gate": job.gate()}
        start = job.start()
        job.wait_for_training(RUN_0, "run_1.0-0")
        start.signal(signal.SIGUSR1)
        self.assert_ended(start.wait(), 3)
        job.open_gate()
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertEqual(ended.stderr.count("learner.steps_parameter"), 1, ended.stderr)
        self.assertEqual(self.steps_made(job, PART_1), (500, 1000))
        self.assert_whole_curve(job, PART_1, end=1500)


if __name__ == "__main__":
    support.main()
