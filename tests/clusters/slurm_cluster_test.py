"""The cluster of the other tests itself: it runs jobs on all of its nodes and leaves nothing."""

import os
import signal
import subprocess
import sys
import unittest

import slurm_cluster
from slurm_cluster import surroundings

COMMAND = [sys.executable, slurm_cluster.__file__, "--nodes=2"]


class CommandLineTest(unittest.TestCase):
    def run_in_cluster(self, *command):
        return subprocess.run(
            [*COMMAND, "--", *command], stdout=subprocess.PIPE, text=True, timeout=60
        )

    def test_a_command_sees_the_cluster_and_its_exit_code_comes_back(self):
        ended = self.run_in_cluster("bash", "-c", "srun -N2 hostname; exit 7")
        self.assertEqual(ended.returncode, 7)
        self.assertEqual(sorted(ended.stdout.split()), ["node1", "node2"])
        self.check_nothing_is_left()

    def test_nothing_is_left_of_one_that_is_killed(self):
        process = subprocess.Popen(
            [*COMMAND, "--", "bash", "-c", "echo up; sleep 100"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(process.stdout.readline(), "up\n")
        self.assertIn("slurmctld", self.programs())
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        self.check_nothing_is_left()

    def programs(self):
        """Names of all processes; this test sees no others than its own."""
        names = set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    names.add(file.read().strip())
            except OSError:
                continue
        return names

    def check_nothing_is_left(self):
        daemons = {"munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "slurmstepd", "sleep"}
        surroundings.wait_until(
            lambda: not daemons & self.programs(), "the end of all", state=self.programs
        )
        for place in slurm_cluster.PLACES:
            self.assertFalse(os.path.ismount(place), place)


class ClusterTest(unittest.TestCase):
    def test_a_job_goes_on_elsewhere_when_its_node_is_lost(self):
        lines = [slurm_cluster.QUICK_LOSS]
        with slurm_cluster.SlurmCluster(nodes=2, lines=lines) as slurm:
            command = "echo $SLURM_RESTART_COUNT.$SLURMD_NODENAME; sleep 100"
            where = ["-o", f"{slurm.folder}/out", "--open-mode=append", f"--chdir={slurm.folder}"]
            words = ["--parsable", "--requeue", "-N1", *where, "--wrap", command]
            job = slurm.run("sbatch", *words).strip()
            self.lines(slurm, 1)
            slurm.kill_node("node1")
            self.lines(slurm, 2)
            self.assertEqual(slurm.job_field(job, "Restarts"), "1")
            self.assertIn("NODE_FAIL", slurm.run("sacct", "--duplicates", "-j", job))
            slurm.start_node("node1")
            self.assertEqual(slurm.run("srun", "-w", "node1", "hostname"), "node1\n")

    def lines(self, slurm, count):
        def there():
            with open(f"{slurm.folder}/out") as file:
                return file.read().count("\n") >= count

        surroundings.wait_until(
            lambda: os.path.exists(f"{slurm.folder}/out") and there(),
            f"start {count}",
            limit_s=60,
            state=slurm.logs,
        )


if __name__ == "__main__":
    surroundings.enter_a_world_of_our_own()
    unittest.main(verbosity=2)
