"""What scripts/demo is made of: the PATH it gives cluster_utils, its progress, its table."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest

import h5py
import numpy

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "hp_optim")]

import run_demo  # noqa: E402
import show_samples  # noqa: E402

NAN = float("nan")


class DemoTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def programs(self, folder, *names):
        folder = os.path.join(self.folder, folder)
        os.makedirs(folder)
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "w") as file:
                file.write("#!/bin/sh\n")
            os.chmod(path, 0o755)
        return folder

    def test_sbatch_and_condor_q_are_hidden_and_all_else_is_found(self):
        slurm = self.programs("slurm", "sbatch", "mpirun")
        condor = self.programs("condor", "condor_q", "tool")
        plain = self.programs("plain", "python3")
        scratch = os.path.join(self.folder, "scratch")
        path = run_demo.without_cluster(os.pathsep.join((slurm, plain, condor)), scratch)
        for name in ("sbatch", "condor_q"):
            self.assertIsNone(shutil.which(name, path=path))
        for name, where in (("mpirun", slurm), ("tool", condor), ("python3", plain)):
            found = os.path.realpath(shutil.which(name, path=path))
            self.assertEqual(found, os.path.realpath(os.path.join(where, name)))

    def test_a_path_without_them_stays_as_it_is(self):
        plain = self.programs("plain", "python3")
        self.assertEqual(run_demo.without_cluster(plain, self.folder), plain)

    def follow(self, text):
        """The lines that the follower says about `text`, without their times."""
        self.search, self.samples = self.folder, 2
        with open(os.path.join(self.folder, "log"), "a") as file:
            file.write(text)
        if not hasattr(self, "follower"):
            self.follower = run_demo.Follower(os.path.join(self.folder, "log"), self)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.follower.look()
        return [line[10:] for line in said.getvalue().splitlines()]

    def test_each_event_of_a_sample_is_one_line(self):
        head = "2026-01-01 00:00:00,000 - cluster_utils - INFO - "
        working_dir = os.path.join(self.folder, "working_directories", "0")
        os.makedirs(working_dir)
        with open(os.path.join(working_dir, "metrics.csv"), "w") as file:
            file.write("mean_eprewmean,std_eprewmean,time_elapsed\r\n0.25,0.5,2.0\r\n")
        self.assertEqual(
            self.follow(
                head + "Job 0 started on hostname vm\n"
                + head + "Job 0 announced it is 50% done.\n"
                + head + "Job 0 exited to be resumed.\n"
                + head + "something else\n"
                + head + "Job 0 started on hostname vm\n"
                + head + "Job 0 sent results.\n"
                + head + "Job 0 finished successfully.\n"
            ),
            [
                "sample 0 started",
                "sample 0 has 50 % of its training iterations",
                "sample 0 left, to be started again",
                "sample 0 goes on",
                "sample 0 finished (1 of 2), mean 0.250, std 0.500, 2.0 s of work",
            ],
        )
        warning = "2026-01-01 00:00:00,000 - cluster_utils - WARNING - "
        self.assertEqual(
            self.follow(warning + "Job 1 died with error ['it broke\\n'].\n" + head + "Job 2 sta"),
            ["sample 1 FAILED: ['it broke\\n']."],
        )
        self.assertEqual(self.follow("rted on hostname vm\n"), ["sample 2 started"])

    def results_file(self, name, parameters, attempts):
        """A results file with these (learning_run, iteration, outcome, reward)."""
        outcomes = {"none": 0, "succeeded": 1, "learner_failed": 2}
        outcome = h5py.special_dtype(enum=("u1", outcomes))
        row = [("learning_run", "i4"), ("iteration", "i4"), ("outcome", outcome), ("reward", "f8")]
        table = numpy.zeros(len(attempts) + 3, numpy.dtype(row))  # the last three are empty
        for number, attempt in enumerate(attempts):
            run, iteration, name_of_outcome, reward = attempt
            table[number] = (run, iteration, outcomes[name_of_outcome], reward)
        path = os.path.join(self.folder, name)
        with h5py.File(path, "w") as file:
            file["attempts"] = table
            file["sample/parameters"] = json.dumps(parameters)
            rl_config = {"learning_rate": 0.001, "sizes": [7, 8]}
            file["sample/configurations/rl_config"] = json.dumps(rl_config)
        return path

    def test_the_table_has_the_best_sample_first_and_the_defaults_last(self):
        counts = {"learning_runs_per_job": 2, "training_iterations": 1}
        for number, rewards in enumerate(((0.1, 0.3), (0.5, 0.7))):
            rl_config = {"learning_rate": 0.01 * (number + 1), "sizes:1": 3}
            parameters = dict(counts, id=number, config={"rl_config": rl_config})
            attempts = [(run, 0, "succeeded", reward) for run, reward in enumerate(rewards)]
            if number == 0:
                attempts.insert(0, (1, 0, "learner_failed", NAN))
            self.results_file("sample_%d.h5" % number, parameters, attempts)
        unfinished = dict(counts, id=2, config={"rl_config": {"learning_rate": 0.1, "sizes:1": 3}})
        self.results_file("sample_2.h5", unfinished, [(0, 0, "succeeded", 0.9)])
        reference = self.results_file("defaults", counts, [(0, 0, "succeeded", 0.0)] * 2)
        lines = show_samples.table(
            show_samples.load(self.folder), {1: (0.6, 0.1)}, show_samples.Sample(reference)
        )
        self.assertEqual(
            [line.split()[-6:] for line in lines],
            [
                ["rl.learning_rate", "rl.sizes:1", "mean", "std", "reruns", "attempts"],
                ["0.02", "3", "0.600", "0.100", "2/2", "2"],
                ["0.01", "3", "0.200", "0.100", "2/2", "3"],
                ["0.1", "3", "-", "-", "1/2", "1"],
                ["0.001", "8", "0.000", "0.000", "2/2", "2"],
            ],
        )
        self.assertTrue(lines[1].startswith("sample 1"), lines[1])
        self.assertTrue(lines[-1].startswith("template's defaults"), lines[-1])


if __name__ == "__main__":
    unittest.main()
