"""scripts/run_mpi.py with the real program, from a fresh copy of the source tree as cluster_utils
makes it: nothing is built there."""

import os
import shutil
import sys

import support
from support import CONCLUDED, RESULTS


class WrapperTest(support.SystemTest):
    def fresh_copy(self, job):
        """The sources without anything built, as the job's wrapper."""
        tree = os.path.join(job.folder, "clone")
        shutil.copytree(
            support.SOURCE_DIR,
            tree,
            symlinks=True,
            ignore=lambda folder, names: {
                name
                for name in names
                if name in (".git", ".venv", "build", "demo_results", "__pycache__", ".cache")
            },
        )
        job.wrapper = [sys.executable, os.path.join(tree, "scripts", "run_mpi.py")]
        return tree

    def check(self, job, server):
        ended = job.run(directory=job.folder)
        self.assert_ended(ended, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assertEqual(len(job.directories), 3)

    def test_a_fresh_copy_finds_the_program_by_reprise_bin(self):
        server = self.server()
        job = self.job({}, server)
        self.fresh_copy(job)
        self.check(job, server)

    def test_a_fresh_copy_finds_the_program_on_path(self):
        server = self.server()
        job = self.job({}, server)
        self.fresh_copy(job)
        del job.environment["REPRISE_BIN"]
        job.environment["PATH"] += os.pathsep + os.path.dirname(support.REPRISE)
        self.check(job, server)

    def test_a_symbolic_link_on_path_leads_to_the_program_and_its_helper(self):
        server = self.server()
        job = self.job({}, server)
        self.fresh_copy(job)
        del job.environment["REPRISE_BIN"]
        os.symlink(support.REPRISE, os.path.join(job.bin, "reprise"))
        self.check(job, server)

    def test_without_a_program_there_is_one_clear_error(self):
        job = self.job({})
        self.fresh_copy(job)
        del job.environment["REPRISE_BIN"]
        job.environment["PATH"] = job.bin + ":/usr/bin:/bin"
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertEqual(ended.stdout, "")
        (line,) = ended.stderr.splitlines()
        self.assertIn("REPRISE_BIN", line)
        self.assertFalse(os.path.exists(job.working_dir))

    def test_the_wrapper_is_executable_itself(self):
        job = self.job({}, learning_runs_per_job=1)
        job.wrapper = [support.WRAPPER]
        self.assert_ended(job.run(), 0)


if __name__ == "__main__":
    support.main()
