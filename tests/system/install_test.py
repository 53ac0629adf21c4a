"""What `cmake --install` puts where: a batch script and the wrapper from there find the program
from there, which finds its helper.

Environment: REPRISE_BUILD, the build directory, and CMAKE, the program (CTest sets them)."""

import os
import subprocess
import sys

import support
from support import CONCLUDED, RESULTS, SOURCE_DIR, reward_of


class InstallTest(support.SystemTest):
    def job(self, plan=None, server=None, **parameters):
        """One that sees no other program than that of a fresh prefix."""
        job = super().job(plan, server, learning_runs_per_job=2, **parameters)
        self.prefix = os.path.join(job.folder, "prefix")
        words = [os.environ["CMAKE"], "--install", os.environ["REPRISE_BUILD"], "--prefix"]
        subprocess.run([*words, self.prefix], check=True, stdout=subprocess.DEVNULL)
        del job.environment["REPRISE_BIN"]
        path = [os.path.join(self.prefix, "bin"), job.bin, job.environment["PATH"]]
        job.environment["PATH"] = os.pathsep.join(path)
        return job

    def share(self, *names):
        return os.path.join(self.prefix, "share", "reprise", *names)

    def check_programs(self, job):
        """Those that run are the installed ones."""
        found = {os.readlink(f"/proc/{process.pid}/exe") for process in job.processes()}
        ours = {path for path in found if os.path.basename(path).startswith("reprise")}
        bins = ("bin/reprise", "libexec/reprise/reprise-run-helper")
        self.assertEqual(ours, {os.path.join(self.prefix, name) for name in bins})

    def finish(self, job, start):
        job.wait_for_training("run_0.0-0", "run_1.0-0")
        self.check_programs(job)
        job.open_gate()
        self.assert_ended(start.wait(), 0)

    def test_scripts_and_submit_files(self):
        job = self.job()
        for folder in ("slurm", "htcondor"):
            names = os.listdir(os.path.join(SOURCE_DIR, folder))
            self.assertEqual(set(os.listdir(self.share(folder))), set(names))
        job.plan["*"] = {"gate": job.gate()}
        job.wrapper = ["bash", self.share("slurm", "reprise_single_node.sbatch")]
        self.finish(job, job.start())
        self.assertEqual([row["outcome"] for row in job.start_rows], ["finished"])

    def test_the_wrapper(self):
        server = self.server()
        job = self.job({}, server)
        job.plan["*"] = {"gate": job.gate()}
        job.wrapper = [sys.executable, os.path.join(self.prefix, "bin", "run_mpi.py")]
        self.finish(job, job.start())
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, [reward_of(run, 0) for run in range(2)])


if __name__ == "__main__":
    support.main()
