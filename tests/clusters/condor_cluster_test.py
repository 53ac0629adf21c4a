"""The real HTCondor of the tests itself: that it runs jobs, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

import condor_cluster

import surroundings

CLUSTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "condor_cluster.py")
JOB = """\
executable = /usr/bin/id
arguments = -un
output = job.out
log = job.log
request_cpus = 8
request_memory = 100
queue
"""


class CondorClusterTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.mark = uuid.uuid4().hex

    def start(self, script, **options):
        return subprocess.Popen(
            [sys.executable, CLUSTER, "--", "bash", "-c", script],
            env={**os.environ, surroundings.MARK: self.mark, "OUTSIDE": self.folder},
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
        )

    def processes(self):
        return list(map(str, surroundings.processes_with(self.mark)))

    def check_nothing_is_left(self):
        surroundings.wait_until(lambda: not self.processes(), "no process", state=self.processes)
        with open("/proc/self/mountinfo") as file:
            self.assertNotIn(f" {condor_cluster.PLACE} ", file.read())
        self.assertFalse(os.path.exists(os.path.join(condor_cluster.PLACE, "condor")))

    def test_it_runs_a_job_as_an_ordinary_user(self):
        cluster = self.start(
            f"cd $CONDOR_TEST_FOLDER && mkdir -m 777 job && cd job && echo '{JOB}' > job.sub &&"
            " condor_submit job.sub && condor_wait -wait 60 job.log && cat job.out && exit 7",
            stdout=subprocess.PIPE,
        )
        output, _ = cluster.communicate(timeout=100)
        self.assertEqual(cluster.returncode, 7, output)
        self.assertEqual(output.split()[-1], "user")
        self.check_nothing_is_left()

    def test_nothing_is_left_when_it_is_killed(self):
        there = os.path.join(self.folder, "there")
        cluster = self.start("condor_status && touch $OUTSIDE/there; sleep 100")
        try:
            surroundings.wait_until(lambda: os.path.exists(there), "the cluster", limit_s=60)
            daemons = [process for process in self.processes() if "condor_startd" in process]
            self.assertTrue(daemons, self.processes())
        finally:
            cluster.send_signal(signal.SIGKILL)
            cluster.wait()
        self.check_nothing_is_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
