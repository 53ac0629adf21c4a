"""What a job of the real Slurm says to cluster_utils when it is cancelled, requeued, preempted, or
over its time limit; with jobs that are started as cluster_utils starts them, below srun."""

import json
import shlex
import time

import slurm_testing

import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of

POLITE = "PartitionName=cancel_politely Nodes=ALL PriorityTier=1 PreemptMode=CANCEL GraceTime=20"
KILL_WAIT_S = 5.0  # of the cluster
ALL_CPUS = 8


class WordsTest(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 2, "cpus": ALL_CPUS, "lines": (POLITE,)}

    def start_job(self, *options, **parameters):
        """Learning run 0 has succeeded and was announced; the other one waits."""
        job = self.job({"0.*": {}}, self.server(), learning_runs_per_job=2, **parameters)
        job.plan["1.*"] = {"gate": job.gate()}
        job.number = self.submit_again(job, *options)
        self.wait_for_training(job, "run_1.0-0")
        job.server.wait_for(PROGRESS)
        return job

    def submit_again(self, job, *options):
        """As the server does it when it hears "exit for resume"."""
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        command = "srun " + shlex.join([support.REPRISE, "job", *job.arguments()])
        output = f"--output={job.folder}/reprise-%j.out"
        words = ["sbatch", "--parsable", "--ntasks=1", "--cpus-per-task=2", output, *options]
        number = self.run_client([*words, "--wrap", command], job).strip()
        self.addCleanup(self.slurm.run, "scancel", number, check=False)
        return number

    def take_the_node_away(self, node):
        words = ["--partition=high", f"--cpus-per-task={ALL_CPUS}", f"--nodelist={node}"]
        self.slurm.run("sbatch", *words, "--output=/dev/null", "--wrap", "sleep 1")

    def wait_for_end(self, job, since, what):
        """Of all its processes, from the signal on."""
        support.wait_until(
            lambda: not job.processes(), "the end", state=lambda: job.processes() or "none"
        )
        seconds = time.monotonic() - since
        print(f"{what}: gone after {seconds:.2f} s")
        self.assertLess(seconds, KILL_WAIT_S)
        self.assertEqual(job.attempt("run_1.0-0")["outcome"], "interrupted", self.output(job))

    def goes_on(self, job):
        job.open_gate()
        job.server.wait_for(CONCLUDED)
        self.assertEqual(job.server.names[0], STARTED)
        self.assert_last_word(job.server, RESULTS, CONCLUDED)
        self.assert_mean(job.server, [reward_of(run, 0) for run in range(2)])
        self.assertIn("run_1.0-0.part1", job.directories)
        self.assertNotIn("run_0.0-0.part1", job.directories)

    def goes_on_in_a_new_job(self, job):
        job.server.forget()
        self.submit_again(job)
        self.goes_on(job)

    def check_error(self, job, text):
        job.server.wait_for(ERROR)
        self.assert_last_word(job.server, ERROR)
        self.assertIn(text, job.server.error_text)

    def test_a_cancelled_job_is_an_error_and_can_be_begun_again(self):
        job = self.start_job()
        since = time.monotonic()
        self.slurm.run("scancel", job.number)
        self.check_error(job, "the job was cancelled")
        self.wait_for_end(job, since, "scancel")
        self.goes_on_in_a_new_job(job)

    def test_a_cancelled_job_with_early_reports_is_silent(self):
        job = self.start_job(**{"runner.early_reports": 2})
        since = time.monotonic()
        self.slurm.run("scancel", job.number)
        self.wait_for_end(job, since, "scancel with early reports")
        self.assert_no_word(job.server)

    def test_a_requeued_job_is_silent_and_registers_again(self):
        job = self.start_job()
        since = time.monotonic()
        self.slurm.run("scontrol", "requeue", job.number)
        self.wait_for_end(job, since, "requeue")
        self.assert_no_word(job.server)
        job.server.forget()
        self.goes_on(job)

    def test_preemption_by_requeue_for_good_and_with_grace(self):
        """All at the same time, on a node that somebody else gets."""
        where = ["--nodelist=node2"]
        requeued = self.start_job(*where, "--partition=low")
        victim = self.start_job(*where, "--partition=victim")
        polite = self.start_job(*where, "--partition=cancel_politely")
        since = time.monotonic()
        self.take_the_node_away("node2")
        self.check_error(victim, "preempted")
        self.wait_for_end(victim, since, "preempted for good")
        self.assert_no_word(requeued.server)
        requeued.server.forget()
        self.goes_on(requeued)
        polite.server.wait_for(RESUME)
        self.assert_last_word(polite.server, RESUME)
        self.goes_on_in_a_new_job(polite)

    def test_a_time_limit_that_comes_as_a_surprise(self):
        """The job's time is cut when it runs, so that TERM is all that it gets."""
        job = self.start_job()
        self.slurm.run("scontrol", "update", f"JobId={job.number}", "TimeLimit=1")
        support.wait_until(
            lambda: RESUME in job.server.names, "a word", 150, state=lambda: self.output(job)
        )
        self.assert_last_word(job.server, RESUME)
        self.assertIn("the job's time is over", self.output(job))
        self.wait_for_state(job, job.number, "TIMEOUT")
        self.goes_on_in_a_new_job(job)


if __name__ == "__main__":
    slurm_testing.main()
