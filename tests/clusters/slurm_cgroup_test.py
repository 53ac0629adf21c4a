"""Jobs on a Slurm that keeps them in cgroups (proctrack/cgroup, task/cgroup), as most sites do:
their cores and memory, what their signals reach, and that nothing of a job is left, whoever of it
is killed."""

import os
import shlex
import signal
import subprocess
import unittest

import slurm_cgroups
import slurm_testing

import support
from support import CONCLUDED, RESULTS, RESUME, STARTED

CPUS = len(os.sched_getaffinity(0))
SINGLE = "reprise_single_node.sbatch"


@unittest.skipUnless(
    (slurm_cgroups.are_here() and CPUS >= 2) or "REPRISE_SKIP_NOTHING" in os.environ,
    "needs cgroups of version 1 that root may write, and two CPUs, as one cannot be too few",
)
class JobsInCgroups(slurm_testing.SlurmTest):
    CLUSTER = {
        "nodes": 1,
        "cpus": CPUS,
        "cgroups": True,
        "lines": ["SelectTypeParameters=CR_CPU_Memory"],  # else --mem limits nothing
    }

    def batch_job(self, plan, server=None, **parameters):
        job = super().batch_job(plan, **parameters)
        job.server = server
        return job

    def submit_step(self, job, srun, *options):
        """A batch job whose only step is the program, as cluster_utils starts it."""
        words = ["sbatch", "--parsable", "--no-requeue", *options]
        words += [f"--output={job.folder}/reprise-1.out", f"--chdir={job.folder}", "--wrap"]
        arguments = shlex.join(job.arguments())
        number = self.run_client([*words, f"{srun} {support.REPRISE} job {arguments}"], job)
        self.addCleanup(self.slurm.run, "scancel", number.strip(), check=False)
        return number.strip()

    def wait_for_end(self, job, number, *states):
        state = self.wait_for_state(job, number, *states)
        self.check_nothing_is_left(job)
        self.wait_for_no_cgroup()
        return state

    def wait_for_no_cgroup(self):
        """Slurm removes a job's when nothing of the job runs any more."""
        cgroups = self.slurm.cgroups
        support.wait_until(lambda: not cgroups.of_jobs(), "no cgroup", 20.0, cgroups.of_jobs)

    def test_the_cores_of_a_job_are_dealt_out(self):
        for cores in (1, 2):
            job = self.batch_job({"*": {}}, learning_runs_per_job=2)
            number = self.submit(job, SINGLE, f"--cpus-per-task={cores}", "--mem=2G")
            self.wait_for_success(job, number)
            seen = [set(job.facts(name)["cpus"]) for name in ("run_0.0-0", "run_1.0-0")]
            self.assertEqual([len(cpus) for cpus in seen], [1, 1], self.output(job))
            self.assertEqual(len(seen[0] | seen[1]), cores, self.output(job))

    def test_memory_of_the_job_and_of_a_run(self):
        """What Slurm allows the job, and our own limit below it."""
        for limit, mem, said in (
            ({}, "100M", "out of memory"),
            ({"runner.memory_limit_mb": 100}, "2G", "100 MiB (runner.memory_limit_mb)"),
        ):
            plan = {"1.0-0": {"allocates_mb": 400, "hangs": True}}
            job = self.batch_job(plan, learning_runs_per_job=2, max_attempts=2, **limit)
            number = self.submit(job, SINGLE, "--cpus-per-task=2", f"--mem={mem}")
            # Slurm calls a job so in which anything was killed for want of memory.
            self.wait_for_end(job, number, "COMPLETED", "OUT_OF_MEMORY")
            self.assertEqual(
                self.attempts_of(job, 1),
                [("run_1.0-0", "out_of_memory"), ("run_1.0-1", "succeeded")],
                self.output(job),
            )
            self.assertIn(said, job.attempt("run_1.0-0")["message"])

    def test_signals(self):
        """They reach what srun has started alone, which stops its trainings in order."""
        plan = {"*": {"gate": True, "saves_on_term_s": 0.3}}
        for srun in ("srun -n1", "srun --mpi=pmix"):
            for words, outcome in (
                (("scancel", "--signal=USR1"), "resume"),
                (("scancel",), "terminated"),
            ):
                with self.subTest(srun=srun, sent=words):
                    job = self.batch_job(plan, learning_runs_per_job=2)
                    number = self.submit_step(job, srun, "--ntasks=2", "--mem=2G")
                    self.wait_for_training(job, "run_0.0-0", "run_1.0-0")
                    subprocess.run([*words, number], env=job.environment, check=True)
                    self.wait_for_end(job, number, "COMPLETED", "FAILED", "CANCELLED")
                    output = self.output(job)
                    ended = {row["name"]: row["outcome"] for row in job.attempts}
                    self.assertEqual(
                        ended, {"run_0.0-0": "interrupted", "run_1.0-0": "interrupted"}, output
                    )
                    self.assertEqual(self.outcomes(job), [outcome], output)
                    self.assertTrue(os.path.exists(job.path("run_0.0-0", "saved")), output)

    def check_killed(self, role, container, srun="srun"):
        server = self.server()
        plan = {"*": {}, "1.*": {"leaves_daemon": True, "gate": True}}
        settings = {"learning_runs_per_job": 2, "runner.container": container}
        job = self.batch_job(plan, server, **settings)
        options = ("--cpus-per-task=2", "--mem=2G")
        number = self.submit_step(job, f"{srun} -n1", *options)
        self.wait_for_training(job, "run_1.0-0")
        self.wait_for_text(job, "run_0.0-0 succeeded")
        (process,) = [p for p in job.processes() if support.role_of(p) == role]
        os.kill(process.pid, signal.SIGKILL)
        self.wait_for_state(job, number, "COMPLETED", "FAILED")
        self.wait_for_no_cgroup()
        self.assertEqual(job.processes(), [])
        self.assertEqual(server.names.count(STARTED), 1)
        return server, job, options

    def check_it_goes_on(self, server, job, options):
        server.forget()
        job.open_gate()
        self.wait_for_success(job, self.submit_step(job, "srun -n1", *options))
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.check_nothing_is_left(job)
        self.check_it_went_on(job)

    def test_a_killed_launcher(self):
        """Slurm kills all that is left of the step with it, within a millisecond, guardians too:
        no word is sure to be said, and the scratch directory is left to the next start."""
        self.check_it_goes_on(*self.check_killed("launcher", "bubblewrap"))

    def test_a_killed_launcher_has_its_word_said_outside_of_the_step(self):
        srun = os.path.join(slurm_testing.SCRIPTS, "cluster_utils", "srun")
        server, job, options = self.check_killed("launcher", "bubblewrap", shlex.quote(srun))
        server.wait_for(RESUME)
        self.assert_last_word(server, RESUME)
        self.check_nothing_is_left(job)
        self.check_it_goes_on(server, job, options)

    def test_a_killed_mpirun(self):
        server, job, options = self.check_killed("mpirun", "none")
        server.wait_for(RESUME)
        self.assert_last_word(server, RESUME)
        self.check_nothing_is_left(job)
        self.check_it_goes_on(server, job, options)


if __name__ == "__main__":
    slurm_testing.main()
