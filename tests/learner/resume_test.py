"""The real learner (PPO on MuJoCo) through the real program: cut short in the middle of an
iteration it goes on from its newest checkpoint, and its curve from where that was."""

import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import h5py  # noqa: E402
import support  # noqa: E402

STEPS = 2000
PARAMETERS = {
    "config": {"config_templates": os.path.join(ROOT, "hp_optim", "config_templates_ppo.json")},
    "config.rl_config.num_timesteps": STEPS,
    "config.rl_config.n_steps": 100,
    "config.rl_config.batch_size": 100,
    "config.rl_config.checkpoint_interval": 100,
    "learning_runs_per_job": 1,
    "training_iterations": 2,
}


class ResumeTest(support.SystemTest):
    def real_job(self):
        job = self.job({}, None, **PARAMETERS)
        job.environment["PATH"] = os.pathsep.join(
            [os.path.join(ROOT, "hp_optim", "bin"), os.environ["PATH"]]
        )
        job.environment["REPRISE_LEARNER_PYTHON"] = sys.executable
        return job

    def checkpoints(self, job, name):
        folder = job.path(name, "training_logs", "checkpoints")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(int(name.split("_")[2]) for name in names if name.startswith("rl_model_"))

    def cut_short(self, job, name, how):
        """Once there are two checkpoints of this part."""
        start = job.start()
        support.wait_until(
            lambda: len(self.checkpoints(job, name)) >= 2 or not start.is_running,
            f"checkpoints in {name}",
            state=lambda: start.stdout + start.stderr,
        )
        how(job, start)
        return start.wait()

    def loaded(self, job, name):
        with open(job.path(name, "stdout.txt")) as file:
            (line,) = [line for line in file if line.startswith("goes on from step ")]
        return int(line.split()[4])

    def curve(self, job, name):
        with h5py.File(job.results_path, "r") as file:
            dataset = file["curves"][name]
            columns = [column.decode() for column in dataset.attrs["columns"]]
            steps = dataset[:, columns.index("time/total_timesteps")]
            return [int(x) for x in steps if x == x]

    def test_a_training_goes_on_after_a_signal_and_after_a_kill(self):
        job = self.real_job()
        ended = self.cut_short(job, "run_0.0-0", lambda _, start: start.signal(signal.SIGUSR1))
        self.assert_ended(ended, 3)
        self.cut_short(job, "run_0.0-0.part1", lambda job, _: job.kill_all())
        self.assert_ended(job.run(), 0)
        self.assertEqual(
            job.directories,
            ["run_0.0-0", "run_0.0-0.part1", "run_0.0-0.part2", "run_0.1-0"],
        )
        rows = {row["name"]: row for row in job.attempts}
        self.assertEqual(
            [row["outcome"] for row in rows.values()],
            ["interrupted", "lost", "succeeded", "succeeded"],
        )
        for before, name in (
            ("run_0.0-0", "run_0.0-0.part1"),
            ("run_0.0-0.part1", "run_0.0-0.part2"),
        ):
            self.assertEqual(rows[name]["loaded_from"], before)
            # It may have trained on until it had ended.
            self.assertIn(self.loaded(job, name), self.checkpoints(job, before)[-2:])
        self.assertEqual(rows["run_0.0-0.part2"]["steps"], STEPS)
        self.assertEqual(rows["run_0.1-0"]["steps"], 2 * STEPS)
        self.assertEqual(self.loaded(job, "run_0.1-0"), STEPS)
        every_rollout = list(range(100, STEPS + 1, 100))
        self.assertEqual(self.curve(job, "run_0.0-0.part2"), every_rollout)
        self.assertEqual(self.curve(job, "run_0.1-0"), [STEPS + steps for steps in every_rollout])


if __name__ == "__main__":
    support.main()
