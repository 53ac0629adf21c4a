"""The job knows when its time is over: it stops its trainings in order before that, starts none
that cannot end, and says so."""

import os
import time

import support
from support import CONCLUDED, ERROR, RESULTS, RESUME, STARTED, reward_of

REWARDS = [reward_of(run, 0) for run in range(3)]
TIME_OVER = "the job's time is nearly over"


class WalltimeTest(support.SystemTest):
    def run_into_the_end(self, job, limit_s, margin_s):
        """Its trainings would go on for ever; it has left before its end."""
        job.set(**{"runner.time_limit_s": limit_s, "runner.stop_margin_s": margin_s})
        job.plan["*"] = {"gate": job.gate(), **job.plan.get("*", {})}
        ended = job.run()
        self.assert_ended(ended, 3)
        self.assertIn(TIME_OVER, ended.log)
        print(f"left after {ended.seconds:.2f} s of {limit_s} s, {margin_s} s of them its margin")
        self.assertLess(ended.seconds, limit_s)
        self.assertGreater(ended.seconds, limit_s - margin_s)
        self.assert_last_word(job.server, RESUME)
        self.assertEqual(job.remnants(), [])
        self.assertEqual(job.start_rows[-1]["outcome"], "resume")
        self.assertEqual({row["outcome"] for row in job.attempts}, {"interrupted"})
        return ended

    def goes_on(self, job):
        job.server.forget()
        job.set(**{"runner.time_limit_s": None, "runner.stop_margin_s": None})
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(job.server, RESULTS, CONCLUDED)
        self.assert_mean(job.server, REWARDS)
        self.assertEqual(len(job.directories), 6)  # each has a second part

    def test_trainings_are_stopped_before_the_time_is_over(self):
        job = self.job({}, self.server())
        self.run_into_the_end(job, 4.0, 2.0)
        self.goes_on(job)

    def test_a_learner_that_takes_its_time_to_save_is_given_it(self):
        job = self.job({"*": {"saves_on_term_s": 1.0}}, self.server())
        job.set(**{"runner.stop_grace_s": 10})
        self.run_into_the_end(job, 7.0, 5.0)
        for name in job.directories:
            self.assertTrue(os.path.exists(job.path(name, "saved")), name)
        self.goes_on(job)

    def test_a_learner_that_ignores_the_stop_is_killed_in_time_whatever_its_grace(self):
        job = self.job({"*": {"ignores_term": True}}, self.server())
        job.set(**{"runner.stop_grace_s": 600})
        self.run_into_the_end(job, 5.0, 3.0)
        self.assertEqual({row["signal"] for row in job.attempts}, {9})
        self.goes_on(job)

    def test_ranks_that_hang_do_not_keep_the_job_beyond_its_end(self):
        server = self.server()
        job = self.job({"*": {"gate": "/nowhere"}}, server)
        job.set(**{"runner.time_limit_s": 5.0, "runner.stop_margin_s": 3.0})
        start = job.start()
        job.wait_for_training("run_0.0-0", "run_1.0-0", "run_2.0-0")
        for process in job.processes():
            if support.role_of(process) == "rank 0":
                os.kill(process.pid, 19)  # SIGSTOP
        ended = start.wait()
        self.assert_ended(ended, 3)
        self.assertLess(ended.seconds, 5.0)
        self.assert_last_word(server, RESUME)
        self.assertEqual(job.remnants(), [])
        job.set(**{"runner.time_limit_s": None, "runner.stop_margin_s": None})
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def test_by_hand_the_message_says_how_to_go_on(self):
        job = self.job({"*": {"gate": "/nowhere"}}, None, learning_runs_per_job=1)
        job.set(**{"runner.time_limit_s": 3.0, "runner.stop_margin_s": 2.0})
        ended = job.run()
        self.assert_ended(ended, 3)
        self.assertIn("the same command goes on from there", ended.log)

    def test_auto_does_as_many_iterations_as_there_is_time_for(self):
        server = self.server()
        job = self.job({"*": {"lasts_s": 0.6}}, server)
        job.set(
            learning_runs_per_job=1,
            training_iterations=12,
            **{"runner.iterations_per_job": "auto", "runner.time_limit_s": 4.0},
        )
        ended = job.run()
        self.assert_ended(ended, 3)
        self.assertLess(ended.seconds, 4.0)
        self.assert_last_word(server, RESUME)
        self.assertIn("too short for another training iteration", ended.log)
        done = job.attempts
        self.assertEqual({row["outcome"] for row in done}, {"succeeded"})
        print(f"{len(done)} iterations in {ended.seconds:.2f} s")
        self.assertGreater(len(done), 1)
        # Without an end that is known there is time for all.
        job.set(**{"runner.time_limit_s": None})
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assertEqual(len(job.start_rows), 2)

    def test_a_job_that_is_too_short_for_an_iteration_says_so(self):
        server = self.server()
        job = self.job({"*": {"lasts_s": 1.5}}, server)
        job.set(learning_runs_per_job=1, training_iterations=2, **{"learner.checkpoints": ""})
        self.assert_ended(job.run(), 3)
        job.set(**{"runner.time_limit_s": 1.5, "runner.stop_margin_s": 0.5})
        server.forget()
        ended = job.run()
        self.assert_ended(ended, 3)
        self.assert_last_word(server, RESUME)
        self.assertIn("too short", ended.log)
        server.forget()
        self.assert_ended(job.run(), 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        for part in ("the time of this job is too short", "runner.stop_margin_s is 0.5 s"):
            self.assertIn(part, server.error_text)
        self.assertEqual(job.directories, ["run_0.0-0"])
        job.set(**{"runner.time_limit_s": None})
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)

    def test_the_wait_for_another_job_ends_with_the_time(self):
        server = self.server()
        job = self.job({"*": {"gate": "/nowhere"}}, server, learning_runs_per_job=1)
        first = job.start()
        job.wait_for_training("run_0.0-0")
        job.set(**{"runner.time_limit_s": 2.0, "runner.stop_margin_s": 1.0})
        began = time.monotonic()
        self.assert_ended(job.run(), 3)
        self.assertLess(time.monotonic() - began, 2.0)
        first.signal(15)
        first.wait()


if __name__ == "__main__":
    support.main()
