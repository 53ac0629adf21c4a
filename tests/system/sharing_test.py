"""Two jobs in one working directory, and a disk that is full."""

import errno
import os
import signal

import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of


class SharingTest(support.SystemTest):
    def start_two(self, server, **parameters):
        """The first one trains and waits at the gate, the second one waits for the first."""
        job = self.job({"*": {}}, server, **parameters)
        job.plan["2.0-0"] = {"gate": job.gate()}
        first = job.start()
        job.wait_for_training("run_2.0-0")
        second = job.start()
        support.wait_until(
            lambda: "waiting for" in second.stdout, "the wait", state=lambda: second.stdout
        )
        self.assertIn(job.working_dir, second.stdout)
        self.assertNotIn("starts, seed", second.stdout)
        return job, first, second

    def test_the_second_job_waits_and_then_goes_on(self):
        """As when cluster_utils starts the resumed job before the old one is gone."""
        server = self.server()
        job, first, second = self.start_two(server, training_iterations=2)
        job.open_gate()
        self.assert_ended(first.wait(), 3)
        ended = second.wait()
        self.assert_ended(ended, 0)
        self.assertEqual(server.names[-2:], [RESULTS, CONCLUDED])
        self.assert_mean(server, [reward_of(run, 1) for run in range(3)])
        names = server.names
        self.assertEqual(names.count(STARTED), 2)
        self.assertEqual(names.count(RESUME), 1)
        self.assertEqual(
            job.directories,
            [f"run_{run}.{iteration}-0" for run in range(3) for iteration in range(2)],
        )
        self.assertEqual(len(job.attempts), 6)

    def test_the_second_job_sends_the_result_again_when_the_first_one_was_done(self):
        server = self.server()
        job, first, second = self.start_two(server)
        job.open_gate()
        self.assert_ended(first.wait(), 0)
        self.assert_ended(second.wait(), 0)
        result, again = server.payloads(RESULTS)
        self.assertEqual(result, again)
        self.assertEqual(len(job.attempts), 3)

    def test_the_second_job_takes_over_when_the_first_one_is_killed(self):
        server = self.server()
        job, first, second = self.start_two(server, **{"runner.ranks": 1})
        mine = [p for p in job.processes() if support.role_of(p) == "rank 0"]
        holder = next(p for p in mine if parent_of(p.pid) == first.pid)
        os.kill(holder.pid, signal.SIGKILL)
        job.open_gate()
        self.assert_ended(first.wait(), 3)
        self.assert_ended(second.wait(), 0)
        self.assert_mean(server, [reward_of(run, 0) for run in range(3)])


class FullDiskTest(support.SystemTest):
    def small_disk(self, job, name):
        path = os.path.join(job.folder, name)
        os.mkdir(path)
        support.mount_tmpfs(path, "size=2m")
        self.addCleanup(support.unmount, path)
        return path

    def test_results_that_cannot_be_begun_are_an_error_by_name(self):
        server = self.server()
        job = self.job({}, server)
        disk = self.small_disk(job, "disk")
        fill(disk)
        job.set(**{"runner.results_dir": disk})
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        for text in (server.error_text, ended.stderr):
            self.assertIn(disk, text)
            self.assertIn("No space left on device", text)

    def test_what_was_recorded_before_the_disk_was_full_is_kept(self):
        server = self.server()
        job = self.job({}, server, training_iterations=2)
        disk = self.small_disk(job, "disk")
        job.set(**{"runner.results_dir": disk})
        self.assert_ended(job.run(), 3)
        (name,) = os.listdir(disk)
        results = os.path.join(disk, name)
        rows = support.read_rows(results, "attempts")
        self.assertEqual(len(rows), 3)
        fill(disk)
        server.forget()
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("No space left on device", server.error_text)
        self.assertIn(disk, server.error_text)
        self.assertEqual(support.read_rows(results, "attempts"), rows)
        make_room(disk)
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, [reward_of(run, 1) for run in range(3)])
        self.assertEqual(support.read_rows(results, "attempts")[:3], rows)

    def test_trainings_that_find_the_disk_full_fail_and_the_rest_is_kept(self):
        """The working directory is full, too."""
        server = self.server()
        job = self.job({"*": {}}, server, max_attempts=1)
        job.working_dir = self.small_disk(job, "out_on_disk")
        job.set(working_dir=job.working_dir)
        job.plan["[12].*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_1.0-0", "run_2.0-0")
        for run in (1, 2):  # a backend that is still coming up would be the one to fail
            job.wait_for_file(job.path(f"run_{run}.0-0", "backend.pid"))
        server.wait_for(PROGRESS)
        fill(job.working_dir)
        job.open_gate()
        self.assert_ended(start.wait(), 1)
        self.assert_last_word(server, ERROR)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes["run_0.0-0"], "succeeded")
        self.assertIn("learner_failed", outcomes.values())
        make_room(job.working_dir)
        server.forget()
        job.set(max_attempts=2)
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, [reward_of(run, 0) for run in range(3)])

    def start_on_small_disk(self, server, plan, **parameters):
        """The results are on a disk that has become full when learning run 0 was at its gate."""
        job = self.job(plan, server, **parameters)
        job.plan["0.*"] = {"gate": job.gate()}
        disk = self.small_disk(job, "disk")
        job.set(**{"runner.results_dir": disk})
        start = job.start()
        job.wait_for_training("run_0.0-0")
        fill(disk)
        (name,) = [name for name in os.listdir(disk) if name.endswith(".h5")]
        return job, start, disk, os.path.join(disk, name)

    def test_rows_have_their_room_prepared(self):
        """So the job succeeds on a full disk; what is missing is said, and made up for later."""
        server = self.server()
        job, start, disk, results = self.start_on_small_disk(server, {"*": {}})
        job.open_gate()
        ended = start.wait()
        self.assert_ended(ended, 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assertEqual(len(support.read_rows(results, "attempts")), 3)
        self.assertIn("learning curves are missing", ended.stderr)
        self.assertIn("No space left on device", ended.stderr)
        make_room(disk)
        self.assert_ended(job.run(), 0)
        self.assertEqual(support.curve_names(results), [f"run_{run}.0-0" for run in range(3)])
        self.assertEqual(len(server.payloads(RESULTS)), 2)

    def test_a_row_that_finds_no_room_ends_the_job_with_the_reason(self):
        """More failures than the file has prepared room for."""
        server = self.server()
        job, start, disk, results = self.start_on_small_disk(
            server,
            {"*": {"rows": 0, "ends_with": 1}},
            learning_runs_per_job=6,
            max_attempts=50,
            **{"learner.backend": [], "learner.stop": [], "runner.ranks": 6},
        )
        self.assert_ended(start.wait(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("No space left on device", server.error_text)
        self.assertIn(results, server.error_text)
        rows = support.read_rows(results, "attempts")
        self.assertEqual({row["outcome"] for row in rows}, {"learner_failed"})
        make_room(disk)
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, [reward_of(run, 0) for run in range(6)])
        self.assertEqual(support.read_rows(results, "attempts")[: len(rows)], rows)

    def test_a_read_only_results_directory_is_an_error_by_name(self):
        server = self.server()
        job = self.job({}, server)
        job.set(**{"runner.results_dir": "/proc/no_results_here"})
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("/proc/no_results_here", server.error_text)


def fill(folder):
    """Until not a byte more fits."""
    with open(os.path.join(folder, "filling"), "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def make_room(folder):
    os.unlink(os.path.join(folder, "filling"))


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


if __name__ == "__main__":
    support.main()
