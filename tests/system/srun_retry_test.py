"""slurm/cluster_utils/srun with the real program and a made-up srun: what becomes of a job whose
srun fails before the program has begun, or with all of the step at once. (The real one is in
slurm_node_loss_words_test.py and slurm_cgroup_test.py.)"""

import os

import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED

STUBBORN = os.path.join(support.SOURCE_DIR, "slurm", "cluster_utils", "srun")
# Fails as often as `failures` says.
SRUN = """\
#!/bin/bash
echo >> sruns
(($(wc -l < sruns) > {failures})) || exit {code}
exec "$@"
"""


class SrunRetryTest(support.SystemTest):
    def job_below_srun(self, failures, code=1, **parameters):
        server = self.server()
        job = self.job({}, server, **parameters)
        for name, text in (
            ("srun", SRUN.format(failures=failures, code=code)),
            ("sleep", "#!/bin/sh\n"),
            ("squeue", "#!/bin/sh\necho $STATE\n"),
        ):
            path = os.path.join(job.bin, name)
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o755)
        # As in a job, where this folder is first on PATH.
        folder = os.path.dirname(STUBBORN)
        job.environment["PATH"] = folder + os.pathsep + job.environment["PATH"]
        job.environment.update(SLURM_SUBMIT_DIR=job.folder, SLURM_JOB_ID="12", STATE="RUNNING")
        job.wrapper = [STUBBORN, *job.wrapper]
        return server, job

    def check(self, job, sruns):
        with open(os.path.join(job.folder, "sruns")) as file:
            self.assertEqual(len(file.readlines()), sruns)
        self.assertEqual([n for n in os.listdir(job.folder) if n.startswith(".")], [])

    def test_an_srun_that_fails_before_the_program_has_begun_is_tried_again(self):
        server, job = self.job_below_srun(failures=2)
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assertIn("srun ended with 1 before the program had begun (2 of 3)", ended.stderr)
        self.check(job, sruns=3)

    def test_when_nothing_helps_the_search_hears_an_error(self):
        server, job = self.job_below_srun(failures=9, code=137)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        expected = "srun ended with 137 before the program had begun, 3 times"
        self.assertIn(expected, server.error_text)
        self.check(job, sruns=3)

    def test_a_program_that_has_begun_has_the_word(self):
        """Its exit code comes back, and nothing is tried again."""
        server, job = self.job_below_srun(failures=0, training_iterations=2)
        self.assert_ended(job.run(), 3)
        self.assert_last_word(server, RESUME)
        self.assertIn(PROGRESS, server.names)
        self.check(job, sruns=1)

    def test_nor_is_a_mistake_in_the_input(self):
        server, job = self.job_below_srun(failures=0, max_attempts=0)
        self.assert_ended(job.run(), 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.check(job, sruns=1)

    def kill_step(self, state):
        """What Slurm does to a step in a cgroup whose program is killed."""
        server, job = self.job_below_srun(failures=0)
        job.plan = {"*": {"leaves_daemon": True, "hangs": True}}
        job.environment["STATE"] = state
        started = job.start()
        for name in ("run_0.0-0", "run_1.0-0"):
            job.wait_for_training(name)
        script = [p.pid for p in job.processes() if STUBBORN in p.argv]
        support.kill_at_once([p.pid for p in job.processes() if p.pid not in script])
        self.assert_ended(started.wait(), 137)
        self.assertEqual(job.processes(), [])
        return server, job

    def test_who_was_killed_with_all_guardians_is_spoken_for(self):
        server, job = self.kill_step("RUNNING")
        server.wait_for(RESUME)
        self.assert_last_word(server, RESUME)
        self.check(job, sruns=1)

    def test_but_not_when_slurm_ends_the_job(self):
        server, job = self.kill_step("COMPLETING")
        self.assertEqual(server.names, [STARTED])
        self.check(job, sruns=1)


if __name__ == "__main__":
    support.main()
