"""What is said after a TERM: runner.on_term, the end of the job's time, and what Slurm tells. A
fake scontrol answers with what a real one has said (tests/data/slurm)."""

import os
import signal
import time

import support
from support import ERROR, PROGRESS, RESUME

RECORDED = os.path.join(support.SOURCE_DIR, "tests", "data", "slurm")
TERM_LIMIT_S = 5.0


class OnTermTest(support.SystemTest):
    def start_job(self, **parameters):
        server = self.server()
        job = self.job({"0.*": {}}, server, learning_runs_per_job=2, **parameters)
        job.plan["1.*"] = {"gate": job.gate()}
        return job

    def in_slurm(self, job, script, **variables):
        """The job is one of Slurm's, whose scontrol runs this."""
        path = os.path.join(job.bin, "scontrol")
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        job.environment.update({"SLURM_JOB_ID": "12", **variables})

    def answers(self, job, first, then):
        """At its start the job is told one thing, and when TERM has come another one."""
        asked = os.path.join(job.folder, "asked")
        script = f"if [ -e {asked} ]; then name={then}; else name={first}; : >{asked}; fi\n"
        script += f"sed 's/^JobId=[0-9]*/JobId=12/' {RECORDED}/$name.txt"
        self.in_slurm(job, script)

    def end(self, job, number=signal.SIGTERM):
        start = job.start()
        job.wait_for_training("run_1.0-0")
        job.server.wait_for(PROGRESS)
        since = time.monotonic()
        start.signal(number)
        ended = start.wait()
        seconds = time.monotonic() - since
        print(f"gone after {seconds:.2f} s")
        self.assertLess(seconds, TERM_LIMIT_S)
        self.assertEqual(job.start_rows[-1]["outcome"], "terminated")
        self.assertEqual(job.attempt("run_1.0-0")["outcome"], "interrupted")
        return ended

    def assert_silent(self, job, ended):
        self.assert_ended(ended, 3)
        self.assert_no_word(job.server)

    def assert_resume(self, job, ended):
        self.assert_ended(ended, 3)
        self.assert_last_word(job.server, RESUME)

    def assert_error(self, job, ended, text):
        self.assert_ended(ended, 1)
        self.assert_last_word(job.server, ERROR)
        self.assertIn(text, job.server.error_text)
        self.assertIn(text, ended.stderr)

    def check_fate(self, answer, check, *more, **parameters):
        with self.subTest(answer, **parameters):
            job = self.start_job(**parameters)
            self.answers(job, "running_unlimited", answer)
            check(job, self.end(job), *more)
            return job

    def test_slurm_has_cancelled_the_job(self):
        job = self.check_fate("cancelled", self.assert_error, "the job was cancelled")
        # Nothing is lost: whoever starts it again goes on.
        job.environment.pop("SLURM_JOB_ID")
        job.open_gate()
        job.server.forget()
        self.assert_ended(job.run(), 0)
        self.assertIn("run_1.0-0.part1", job.directories)

    def test_cancelled_with_early_reports_it_was_perhaps_cluster_utils(self):
        self.check_fate("cancelled", self.assert_silent, **{"runner.early_reports": 2})

    def test_slurm_starts_the_job_again(self):
        self.check_fate("requeued", self.assert_silent)
        self.check_fate("preempted_and_requeued", self.assert_silent)

    def test_slurm_has_preempted_the_job_for_good(self):
        self.check_fate("preempted_and_cancelled", self.assert_error, "preempted")

    def test_slurm_asks_it_to_make_way(self):
        """It ends by itself then, so nobody but the server starts it again."""
        self.check_fate("preempted_in_grace", self.assert_resume)

    def test_slurms_time_limit(self):
        self.check_fate("time_limit", self.assert_resume)

    def test_a_signal_from_somebody_else(self):
        self.check_fate("signalled", self.assert_silent)

    def test_a_slurm_that_does_not_answer(self):
        """Neither the start nor the end of the job waits for it for long."""
        job = self.start_job()
        self.in_slurm(job, "exec sleep 60", SLURM_JOB_END_TIME=str(int(time.time()) + 3600))
        ended = self.end(job)
        self.assert_silent(job, ended)

    def test_the_end_of_the_jobs_time_needs_no_question(self):
        job = self.start_job(**{"runner.stop_margin_s": 0})
        end = int(time.time()) + 9
        self.in_slurm(job, "exit 1", SLURM_JOB_END_TIME=str(end))
        start = job.start()
        job.wait_for_training("run_1.0-0")
        support.wait_until(lambda: time.time() > end - 4.0, "the last seconds")
        start.signal(signal.SIGTERM)
        self.assert_resume(job, start.wait())

    def test_on_term(self):
        for value, number in (("error", signal.SIGTERM), ("error", signal.SIGINT)):
            with self.subTest(value, signal=number.name):
                job = self.start_job(**{"runner.on_term": value})
                self.assert_error(job, self.end(job, number), "runner.on_term")
        for value, check in (("resume", self.assert_resume), ("silent", self.assert_silent)):
            with self.subTest(value):
                job = self.start_job(**{"runner.on_term": value})
                self.answers(job, "running_unlimited", "cancelled")  # is not asked
                check(job, self.end(job))

    def test_a_launcher_that_is_killed_after_a_term_that_asks_for_a_resume(self):
        """Then the will is still there, and the guardian or rank 0 speaks it."""
        job = self.start_job(**{"runner.on_term": "resume", "runner.stop_grace_s": 60})
        job.plan["1.*"]["ignores_term"] = True
        start = job.start()
        job.wait_for_training("run_1.0-0")
        start.signal(signal.SIGTERM)
        support.wait_until(lambda: "asked to end" in start.stdout, "the stop")
        start.kill()
        start.wait()
        support.wait_until(lambda: RESUME in job.server.names, "the will")
        support.wait_until(lambda: not job.remnants(), "the end of all of it")


if __name__ == "__main__":
    support.main()
