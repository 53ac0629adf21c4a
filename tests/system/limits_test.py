"""Trainings that take too long, fall silent or use too much memory."""

import fcntl
import os
import signal

import support
from support import CONCLUDED, ERROR, RESULTS

ONE_RUN = {"learning_runs_per_job": 1, "max_attempts": 2}
TIME = "runner.run_time_limit_s"
STALL = "runner.stall_timeout_s"
MEMORY = "runner.memory_limit_mb"


class LimitsTest(support.SystemTest):
    def assert_fails_twice(self, job, server, outcome, message):
        """Both attempts of its one learning run, and so the job, for this reason."""
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("learning run 0 failed twice", server.error_text)
        self.assertIn(message, server.error_text)
        self.assertIn(f"({outcome}): {message}", ended.stderr)
        rows = job.attempts
        self.assertEqual([row["name"] for row in rows], ["run_0.0-0", "run_0.0-1"])
        for row in rows:
            self.assertEqual(row["outcome"], outcome)
            self.assertEqual(row["message"], message)
            self.assertIsNone(row["reward"])
        return ended, rows


class TimeTest(LimitsTest):
    def test_a_training_that_takes_too_long_is_stopped_and_tried_again(self):
        server = self.server()
        job = self.job({"*": {"hangs": True}}, server, **ONE_RUN, **{TIME: 0.5})
        _, rows = self.assert_fails_twice(
            job,
            server,
            "time_limit_exceeded",
            "ran longer than 0.5 s (runner.run_time_limit_s)",
        )
        for row in rows:
            self.assertGreaterEqual(row["end"] - row["start"], 0.5)
            self.assertEqual(row["signal"], signal.SIGTERM)

    def test_the_retry_may_be_quicker(self):
        server = self.server()
        job = self.job({"1.0-0": {"hangs": True}}, server, **{TIME: 3})
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        outcomes = [row["outcome"] for row in job.attempts if row["learning_run"] == 1]
        self.assertEqual(outcomes, ["time_limit_exceeded", "succeeded"])

    def test_a_learner_that_ignores_its_stop_signal_is_killed_after_the_grace(self):
        server = self.server()
        job = self.job({"*": {"hangs": True, "ignores_term": True}}, server, **ONE_RUN)
        job.set(**{TIME: 2, "runner.stop_grace_s": 0.7})
        _, rows = self.assert_fails_twice(
            job,
            server,
            "time_limit_exceeded",
            "ran longer than 2 s (runner.run_time_limit_s)",
        )
        for row in rows:
            self.assertGreaterEqual(row["end"] - row["start"], 2.7)
            self.assertEqual(row["signal"], signal.SIGKILL)

    def test_the_limit_holds_on_every_rank(self):
        job = self.job({"*-0": {"hangs": True}}, learning_runs_per_job=3, max_attempts=2)
        job.set(**{TIME: 3, "runner.ranks": 3})
        self.assert_ended(job.run(), 0)
        first = [row for row in job.attempts if row["attempt"] == 0]
        self.assertEqual({row["outcome"] for row in first}, {"time_limit_exceeded"})
        self.assertEqual({row["rank"] for row in first}, {0, 1, 2})


class StallTest(LimitsTest):
    def test_a_training_that_falls_silent_is_stopped_and_tried_again(self):
        server = self.server()
        job = self.job({"*": {"hangs": True}}, server, **ONE_RUN, **{STALL: 0.5})
        _, rows = self.assert_fails_twice(
            job,
            server,
            "stalled",
            "no new line in training_logs/progress.csv and no output for 0.5 s "
            "(runner.stall_timeout_s)",
        )
        for row in rows:
            self.assertGreaterEqual(row["end"] - row["start"], 0.5)

    def test_one_that_prints_lives(self):
        """No new line of the reward file for several times the timeout."""
        job = self.job({"*": {"chatters_s": 5.5}}, learning_runs_per_job=1, max_attempts=1)
        job.set(**{STALL: 2.5})
        self.assert_ended(job.run(), 0)
        self.assertEqual([row["outcome"] for row in job.attempts], ["succeeded"])

    def test_one_that_learns_without_a_word_lives(self):
        plan = {"*": {"rows": 25, "row_s": 0.2}}
        job = self.job(plan, learning_runs_per_job=1, max_attempts=1)
        job.set(**{STALL: 2.5})
        self.assert_ended(job.run(), 0)
        self.assertEqual([row["outcome"] for row in job.attempts], ["succeeded"])


class MemoryTest(LimitsTest):
    """With a cgroup where one may be made here, else watched: the same outcomes."""

    def setUp(self):
        self.cgroup = support.memory_cgroup()
        self.by_kernel = False
        if self.cgroup is not None:
            probe = os.path.join(self.cgroup, f"reprise.probe.{os.getpid()}")
            try:
                os.mkdir(probe)
                os.rmdir(probe)
                self.by_kernel = True
            except OSError:
                pass
        self.addCleanup(self.check_no_cgroup_is_left)

    def left_cgroups(self):
        """Those that nobody holds any more; others may be of tests that run beside this one."""
        if not self.by_kernel:
            return []
        left = []
        for name in os.listdir(self.cgroup):
            if not name.startswith("reprise.run."):
                continue
            try:
                directory = os.open(os.path.join(self.cgroup, name), os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
                left.append(name)
            except BlockingIOError:
                pass
            finally:
                os.close(directory)
        return left

    def check_no_cgroup_is_left(self):
        support.wait_until(lambda: not self.left_cgroups(), "no cgroup left", 5, self.left_cgroups)

    def assert_warned(self, ended, watched):
        self.assertEqual(ended.stderr.count("the use of memory is looked at"), int(watched))

    def assert_dies_of(self, plan, limit_mb=100, **parameters):
        server = self.server()
        job = self.job({"*": plan}, server, **ONE_RUN, **{MEMORY: limit_mb}, **parameters)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("out of memory: ", server.error_text)
        self.assertIn(f" {limit_mb} MiB (runner.memory_limit_mb)", server.error_text)
        self.assertEqual([row["outcome"] for row in job.attempts], ["out_of_memory"] * 2)
        return ended, job.attempts

    def watch_instead(self):
        """The job sees cgroups as an ordinary user does: it may look."""
        mount = "/sys/fs/cgroup/memory"
        if self.by_kernel:
            mount = mount if self.cgroup.startswith(mount) else "/sys/fs/cgroup"
            support.mount_read_only(mount)
            self.addCleanup(support.mount_writable, mount)

    def test_a_training_that_needs_too_much_memory_fails_and_is_tried_again(self):
        ended, rows = self.assert_dies_of({"allocates_mb": 400, "hangs": True})
        self.assert_warned(ended, watched=not self.by_kernel)
        if self.by_kernel:
            self.assertEqual({row["signal"] for row in rows}, {signal.SIGKILL})
            for row in rows:
                self.assertAlmostEqual(row["peak_memory_mb"], 100, delta=5)

    def test_without_a_container_it_is_the_same(self):
        ended, _ = self.assert_dies_of(
            {"allocates_mb": 400, "hangs": True}, **{"runner.container": "none"}
        )
        self.assert_warned(ended, watched=not self.by_kernel)

    def test_all_processes_of_a_training_count(self):
        """Each for itself is within the limit."""
        plan = {"worker_allocates_mb": 70, "allocates_mb": 70, "hangs": True}
        self.assert_dies_of(plan)

    def test_a_learner_that_waits_for_a_worker_that_was_killed_is_ended(self):
        self.assert_dies_of({"worker_allocates_mb": 400, "hangs": True})

    def test_the_others_are_not_disturbed(self):
        plan = {"1.0-0": {"allocates_mb": 400, "hangs": True}}
        job = self.job(plan, learning_runs_per_job=3, max_attempts=2, **{MEMORY: 200})
        self.assert_ended(job.run(), 0)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes.pop("run_1.0-0"), "out_of_memory")
        self.assertEqual(set(outcomes.values()), {"succeeded"})

    def test_without_a_cgroup_memory_is_watched(self):
        self.watch_instead()
        ended, rows = self.assert_dies_of({"allocates_mb": 400, "hangs": True})
        self.assert_warned(ended, watched=True)
        for row in rows:
            self.assertRegex(row["message"], r"^out of memory: used \d+ of 100 MiB \(")

    def test_watched_all_processes_count(self):
        self.watch_instead()
        self.assert_dies_of({"worker_allocates_mb": 70, "allocates_mb": 70, "hangs": True})

    def test_a_modest_training_lives_in_both_ways(self):
        plan = {"*": {"allocates_mb": 20, "chatters_s": 2.5}}
        for watched in (False, True):
            with self.subTest(watched=watched):
                if watched:
                    self.watch_instead()
                job = self.job(plan, learning_runs_per_job=2, max_attempts=1, **{MEMORY: 150})
                ended = job.run()
                self.assert_ended(ended, 0)
                self.assert_warned(ended, watched=watched or not self.by_kernel)
                for row in job.attempts:
                    self.assertGreater(row["peak_memory_mb"], 20)

    def test_a_killed_rank_leaves_no_cgroup(self):
        job = self.job({}, learning_runs_per_job=2, **{MEMORY: 100})
        job.plan["*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0", "run_1.0-0")
        job.kill("rank 1")
        self.assert_ended(start.wait(), 3)
        self.assertEqual(self.left_cgroups(), [])
        job.open_gate()
        self.assert_ended(job.run(), 0)

    def test_a_launcher_that_is_killed_with_a_rank_leaves_no_cgroup(self):
        """The guardians remove them: nobody else is left."""
        job = self.job({}, learning_runs_per_job=2, **{MEMORY: 100})
        job.plan["*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0", "run_1.0-0")
        pids = [job.find(role).pid for role in ("launcher", "rank 0", "rank 1")]
        support.kill_at_once(pids)
        start.wait()
        support.wait_until(lambda: not job.remnants(), "nothing left", 2, job.remnants)
        self.assertEqual(self.left_cgroups(), [])
        job.open_gate()
        self.assert_ended(job.run(), 0)

    def test_what_a_kill_of_everything_leaves_is_gone_after_the_next_start(self):
        job = self.job({}, learning_runs_per_job=2, **{MEMORY: 100})
        job.plan["*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0", "run_1.0-0")
        support.wait_until(lambda: not job.kill_all(), "the end of what was killed")
        start.wait()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertEqual(self.left_cgroups(), [])

    def test_a_kill_by_the_kernel_is_told_from_others_without_a_limit_too(self):
        """The cgroup that a resource manager has made for the job has too little for the run."""
        job = self.job({}, **ONE_RUN, **{"runner.launcher": "none"})
        job.plan["0.0-0"] = {"hangs": True}
        killed_by_us = "learner_failed"
        killed_by_kernel = "out_of_memory" if self.put_into_a_small_cgroup(job) else killed_by_us
        job.plan["0.0-1"] = (
            {"allocates_mb": 600} if killed_by_kernel == "out_of_memory" else {"dies_by": 9}
        )
        start = job.start()
        job.wait_for_training("run_0.0-0")
        job.kill("hysr_one_ball_rl")
        ended = start.wait()
        self.assert_ended(ended, 1)
        self.assertEqual(
            [row["outcome"] for row in job.attempts], [killed_by_us, killed_by_kernel]
        )
        if killed_by_kernel == "out_of_memory":
            self.assertIn("the job or its host had none left", ended.stderr)

    def put_into_a_small_cgroup(self, job):
        """False where that is not possible."""
        if not self.by_kernel:
            return False
        cgroup = os.path.join(self.cgroup, f"reprise.test.{os.getpid()}")
        os.mkdir(cgroup)
        self.addCleanup(os.rmdir, cgroup)
        for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max"):
            if os.path.exists(os.path.join(cgroup, name)):
                with open(os.path.join(cgroup, name), "w") as file:
                    file.write(str(300 << 20))
        join = f"echo 0 > '{cgroup}/cgroup.procs' && exec \"$@\""
        job.wrapper = ["/bin/sh", "-c", join, "sh", *job.wrapper]
        return any(name.startswith("memory.") for name in os.listdir(cgroup))


if __name__ == "__main__":
    support.main()
