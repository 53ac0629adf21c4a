"""What the tests on the real Slurm share: a cluster for each test program, jobs and searches on it.

Environment: REPRISE_BIN, the program (CTest sets it).
"""

import contextlib
import os
import sys

import slurm_cluster

import searches
import support

SCRIPTS = os.path.join(support.SOURCE_DIR, "slurm")


class SlurmTest(searches.SearchTest):
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

    def check_nothing_is_left(self, job):
        """Of the program, on no node; the batch system's own processes may take a moment."""
        support.wait_until(
            lambda: not self.left(job),
            "the end of all that the job started",
            limit_s=10,
            state=lambda: self.left(job),
        )

    def left(self, job):
        found = [str(process) for process in job.processes()]
        for node in self.slurm.nodes:
            with contextlib.suppress(slurm_cluster.SlurmError):
                found += [f"{node}: /dev/shm/{name}" for name in self.slurm.shared_memory_of(node)]
        return found


def main():
    if not os.access(support.REPRISE, os.X_OK):
        sys.exit(f"there is no program '{support.REPRISE}'. Build it, or set REPRISE_BIN.")
    support.main()
