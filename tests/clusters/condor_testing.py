"""What the tests on the real HTCondor share: a cluster for each test program, and its jobs.

Environment: REPRISE_BIN, the program as it was built in the newer Debian (CTest sets it).
"""

import os
import re
import sys

import cluster_testing
import condor_cluster
import newer_box

import support
import surroundings


class CondorTest(cluster_testing.ClusterTest):
    """One cluster for all tests of a class. Jobs' folders are shared with it, and belong to
    everybody: this process is root, jobs and searches are an ordinary user's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.umask(0)
        cls.condor = condor_cluster.CondorCluster()
        cls.addClassCleanup(cls.condor.stop)
        cls.condor.start()
        support.FOLDERS_IN = os.path.join(cls.condor.folder, "jobs")
        os.mkdir(support.FOLDERS_IN)

    def job(self, plan=None, server=None, **parameters):
        job = super().job(plan, server, **parameters)
        os.chmod(job.folder, 0o777)
        path = os.pathsep.join([job.bin, self.condor.bin, os.environ["PATH"]])
        job.environment["PATH"] = path
        return job

    def check_nothing_is_left(self, job):
        if self.condor.call("condor_q", "-allusers", "-af", "ClusterId"):
            self.condor.call("condor_rm", "-all")
        super().check_nothing_is_left(job)

    def shared_memory(self):
        return self.condor.inside("ls", "/dev/shm").split()


class JobLog:
    """HTCondor's log of one job."""

    def __init__(self, path):
        self.path = path

    @property
    def text(self):
        if not os.path.exists(self.path):
            return ""
        with open(self.path) as file:
            return file.read()

    def count(self, what):
        return len(re.findall(what, self.text))

    @property
    def executions(self):
        return self.count(r"\n001 |^001 ")

    @property
    def evictions(self):
        return self.count(r"\n004 ")

    @property
    def holds(self):
        """Code and subcode of each."""
        return re.findall(r"\n012 .*\n.*\n\tCode (\d+) Subcode (\d+)", self.text)

    @property
    def scratch_directory(self):
        """Of its latest execution; None before the first."""
        found = re.findall(r'CondorScratchDir = "(.*)"', self.text)
        return found[-1] if found else None

    @property
    def return_value(self):
        """Of a job that has left the queue; None before."""
        found = re.search(r"\(1\) Normal termination \(return value (\d+)\)", self.text)
        return found and int(found[1])


def main():
    if not os.access(support.REPRISE, os.X_OK):
        sys.exit(f"there is no program '{support.REPRISE}'. Build it, or set REPRISE_BIN.")
    surroundings.enter_a_world_of_our_own()
    newer_box.enter_a_network_of_our_own()
    support.unittest.main(verbosity=2)
