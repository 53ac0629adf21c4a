"""What the tests on the real Slurm share: a cluster for each test program, jobs and searches on it.

Environment: REPRISE_BIN, the program (CTest sets it).
"""

import contextlib
import copy
import json
import os
import subprocess
import sys

import cluster_testing
import slurm_cluster

import searches
import support

# For jobs on several nodes, which here have the same network, and of which nothing but loopback is
# sure to be there. Open MPI's own TCP (btl tcp) takes them for one another now and then: of 100
# starts on three nodes 3 or 4 crashed, and such a job starts again only after two minutes. UCX
# knows its peers by their ports.
BETWEEN_NODES = {
    "OMPI_MCA_pml": "ucx",
    "OMPI_MCA_pml_ucx_tls": "any",
    "OMPI_MCA_pml_ucx_devices": "any",
    "UCX_TLS": "self,tcp",
    "UCX_NET_DEVICES": "lo",
}
SCRIPTS = os.path.join(support.SOURCE_DIR, "slurm")


class SlurmTest(cluster_testing.ClusterTest, searches.SearchTest):
    """One cluster for all tests of a class; each job's folder is on all of its nodes."""

    CLUSTER = {}  # arguments of SlurmCluster

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.slurm = slurm_cluster.SlurmCluster(**cls.CLUSTER)
        cls.addClassCleanup(cls.slurm.stop)
        cls.slurm.start()
        support.FOLDERS_IN = os.path.join(cls.slurm.folder, "jobs")
        os.mkdir(support.FOLDERS_IN)

    def job(self, plan=None, server=None, **parameters):
        job = super().job(plan, server, **parameters)
        path = os.pathsep.join([job.bin, self.slurm.environment["PATH"]])
        job.environment.update({**self.slurm.environment, "PATH": path})
        return job

    def shared_memory(self):
        found = []
        for node in self.slurm.nodes:
            with contextlib.suppress(slurm_cluster.SlurmError):
                found += [f"{node}: /dev/shm/{name}" for name in self.slurm.shared_memory_of(node)]
        return found

    # Batch jobs

    def batch_job(self, plan=None, **parameters):
        """A sample whose trainings wait at job.gate() wherever the plan says so by True."""
        job = self.job(copy.deepcopy(plan), None, **parameters)
        for behaviour in job.plan.values():
            if behaviour.get("gate") is True:
                behaviour["gate"] = job.gate()
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        return job

    def submit(self, job, script, *options, arguments=None, more=()):
        """The number of the batch job that runs slurm/SCRIPT as it stands."""
        given = job.arguments() if arguments is None else arguments
        words = ["sbatch", "--parsable", *options, os.path.join(SCRIPTS, script), *given, *more]
        number = self.run_client(words, job).strip()
        self.addCleanup(self.slurm.run, "scancel", number, check=False)  # ended, if all is well
        return number

    def run_client(self, words, job):
        """A command in the job's folder and environment; its output."""
        done = subprocess.run(
            words,
            cwd=job.folder,
            env=job.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout + self.output(job))
        return done.stdout

    def output(self, job):
        """What the batch jobs in its folder have written."""
        text = ""
        for name in sorted(os.listdir(job.folder)):
            if name.startswith("reprise-") and name.endswith(".out"):
                with open(os.path.join(job.folder, name), errors="replace") as file:
                    text += f"--- {name}\n{file.read()}"
        return text

    def wait_for_text(self, job, text, limit_s=60):
        """Until a batch job in its folder has written this."""
        support.wait_until(
            lambda: text in self.output(job), f"'{text}'", limit_s, state=lambda: self.output(job)
        )

    def wait_for_training(self, job, *directories, limit_s=60):
        """Until these learners have written what they write before their gate."""
        for directory in directories:
            support.wait_until(
                lambda path=job.path(directory, "trained"): os.path.exists(path),
                f"training in {directory}",
                limit_s,
                state=lambda: self.output(job),
            )

    def wait_for_state(self, job, number, *states, limit_s=90):
        """Returns the state of the batch job once it is one of these."""

        def state():
            found = self.slurm.job_state(number)
            return found if found in states else None

        return support.wait_until(
            state,
            f"job {number} in {' or '.join(states)}",
            limit_s,
            state=lambda: f"{self.slurm.job_state(number)}\n{self.output(job)}",
        )

    def wait_for_success(self, job, number):
        """Till here it may be requeued as often as it wants."""
        ended = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED")
        state = self.wait_for_state(job, number, *ended)
        self.assertEqual(state, "COMPLETED", self.output(job))

    def start_one_that_waits(self, script, *options, **parameters):
        """A batch job whose learning run 0 has succeeded; learning run 1 waits at the gate."""
        plan = {"*": {}, "1.*": {"gate": True}}
        job = self.batch_job(plan, learning_runs_per_job=2, **parameters)
        number = self.submit(job, script, *options)
        self.wait_for_training(job, "run_1.0-0")
        self.wait_for_text(job, "run_0.0-0 succeeded")
        return job, number

    def check_it_went_on(self, job):
        """What was done was not done again; what was cut short went on in a part of its own, and
        cost no attempt."""
        self.assertEqual(self.attempts_of(job, 0), [("run_0.0-0", "succeeded")])
        names, outcomes = zip(*self.attempts_of(job, 1))
        self.assertEqual(names, ("run_1.0-0", "run_1.0-0.part1"))
        self.assertIn(outcomes[0], ("interrupted", "lost"))
        self.assertEqual(outcomes[1], "succeeded")
        self.assertEqual(self.outcomes(job)[-1], "finished")

    def outcomes(self, job):
        return [row["outcome"] for row in job.start_rows]

    def attempts_of(self, job, learning_run):
        """(name, outcome) of its attempts in the order in which they ended."""
        rows = [row for row in job.attempts if row["learning_run"] == learning_run]
        return [(row["name"], row["outcome"]) for row in rows]


def main():
    if not os.access(support.REPRISE, os.X_OK):
        sys.exit(f"there is no program '{support.REPRISE}'. Build it, or set REPRISE_BIN.")
    support.main()
