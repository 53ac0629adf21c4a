"""What Slurm sends to a step reaches, with proctrack/linuxproc, every process below it at once: the
launcher, mpirun, ranks, helpers and trainers. Nothing of that may cost an attempt, and a trainer
that saves something on its way out has the time for it."""

import os
import subprocess

import slurm_testing

import support

# Who starts the ranks of a job with several.
BY_MPIRUN = "srun -n1"
BY_SRUN = "srun --mpi=pmix"


class SignalsToEveryProcess(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 1, "cpus": 8}

    def start_job(self, container, runs, srun):
        """As cluster_utils starts it, below srun."""
        # Where mpirun takes a TERM for itself it kills its ranks a second later.
        below_mpirun = runs > 1 and srun == BY_MPIRUN
        plan = {"*": {"gate": True, "saves_on_term_s": 1.5 if below_mpirun else 0.3}}
        settings = {"learning_runs_per_job": runs, "runner.container": container}
        job = self.batch_job(plan, training_iterations=2, **settings)
        words = ["sbatch", "--parsable", f"--ntasks={runs}", "--nodes=1", "--no-requeue"]
        words += [f"--output={job.folder}/reprise-1.out", f"--chdir={job.folder}", "--wrap"]
        arguments = [*job.arguments(), "--exit-for-restart"]
        command = f"{srun} {support.REPRISE} job {' '.join(arguments)}"
        number = self.run_client([*words, command], job).strip()
        directories = [f"run_{run}.0-0" for run in range(runs)]
        self.wait_for_training(job, *directories)
        return job, number, directories

    def test_all_that_slurm_sends(self):
        for container in ("none", "bubblewrap"):
            for runs, srun in (
                (1, "srun -n1"),
                (2, BY_MPIRUN),
                (2, BY_SRUN),
            ):
                for words, outcome in (
                    (("scancel", "--signal=USR1"), "resume"),
                    (("scancel",), "terminated"),
                ):
                    with self.subTest(container=container, runs=runs, srun=srun, sent=words):
                        self.check(container, runs, srun, words, outcome)

    def check(self, container, runs, srun, words, outcome):
        job, number, directories = self.start_job(container, runs, srun)
        subprocess.run([*words, number], env=job.environment, check=True)
        self.wait_for_state(job, number, "COMPLETED", "FAILED", "CANCELLED")
        self.check_nothing_is_left(job)
        output = self.output(job)
        ended = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(ended, {name: "interrupted" for name in directories}, output)
        self.assertEqual(self.outcomes(job), [outcome], output)
        for name in directories:
            self.assertTrue(os.path.exists(job.path(name, "saved")), name + output)


if __name__ == "__main__":
    slurm_testing.main()
