"""What a job prints: one line an event, on the right stream, and nothing of mpirun's."""

import signal

import support
from support import LOG_LINE

LEVELS = {"stdout": {"debug", "info"}, "stderr": {"warning", "error"}}


class OutputTest(support.SystemTest):
    def check_lines(self, ended):
        for stream, levels in LEVELS.items():
            for line in getattr(ended, stream).splitlines():
                found = LOG_LINE.match(line)
                self.assertTrue(found, f"{stream}: {line!r}")
                self.assertIn(found.group(1), levels, line)

    def lines(self, text, *words):
        return [line for line in text.splitlines() if all(word in line for word in words)]

    def test_every_event_has_its_line_on_the_right_stream(self):
        plan = {"1.0-0": {"ends_with": 4, "says": "out of balls\n"}}
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                job = self.job(plan, **{"runner.ranks": ranks})
                ended = job.run()
                self.assert_ended(ended, 0)
                self.check_lines(ended)
                for name in ("run_0.0-0", "run_1.0-1", "run_2.0-0"):
                    self.assertEqual(len(self.lines(ended.stdout, name, "starts", "seed")), 1)
                    self.assertEqual(len(self.lines(ended.stdout, name, "succeeded")), 1)
                (failure,) = self.lines(ended.stderr, "run_1.0-0", "failed")
                self.assertIn("out of balls", failure)
                self.assertIn("1 of 3", failure)
                self.assertEqual(self.lines(ended.stdout, "run_1.0-0", "failed"), [])
                # The summary.
                (done,) = self.lines(ended.stdout, "mean_eprewmean")
                self.assertIn("std_eprewmean", done)
                self.assertEqual(len(self.lines(ended.stdout, "learning run 1:", "1 failed")), 1)
                self.assertEqual(len(self.lines(ended.stdout, job.results_path)), 1)

    def test_what_trainers_print_stays_in_their_directories(self):
        job = self.job({"*": {"says": "a warning of the learner\n"}})
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertNotIn("a warning of the learner", ended.log)
        self.assertNotIn("learner of", ended.log)
        with open(job.path("run_2.0-0", "stderr.txt")) as file:
            self.assertEqual(file.read(), "a warning of the learner\n")

    def test_a_good_job_says_nothing_on_stderr(self):
        self.assertEqual(self.job({}).run().stderr, "")

    def test_only_what_was_asked_for_is_printed(self):
        job = self.job({"1.0-0": {"ends_with": 4}})
        ended = job.run("--log-level=warning")
        self.assert_ended(ended, 0)
        self.assertEqual(ended.stdout, "")
        self.assertEqual(len(ended.stderr.splitlines()), 1)

    def test_a_failed_job_gives_its_reason_on_stderr(self):
        says = "first\n\nsecond \x1b[31mred\x1b[0m caf\xe9\n"
        job = self.job({"1.*": {"ends_with": 4, "says": says}}, max_attempts=1)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.check_lines(ended)
        self.assertNotIn("\x1b", ended.log)
        (reason,) = self.lines(ended.stderr, " error ", "learning run 1 failed once")
        self.assertTrue(self.lines(ended.stderr, " error ", "second"))

    def test_signals_and_lost_ranks_leave_orderly_lines(self):
        for what in ("TERM", "USR1", "rank 1", "mpirun"):
            with self.subTest(what):
                job = self.job({"*": {"gate": "/nowhere"}})
                start = job.start()
                job.wait_for_training(*[f"run_{run}.0-0" for run in range(3)])
                if hasattr(signal, "SIG" + what):
                    start.signal(getattr(signal, "SIG" + what))
                else:
                    job.kill(what)
                ended = start.wait()
                self.assert_ended(ended, 3)
                self.check_lines(ended)
                self.assertNotIn("-----", ended.log)

    def test_nobody_reads_what_it_prints(self):
        """A closed pipe, a full disk, and streams that are closed from the start."""
        for ranks in (1, 2):
            for redirection in (">/dev/full 2>/dev/full", ">&- 2>&- <&-", "<&-", "| true"):
                with self.subTest(redirection, ranks=ranks):
                    job = self.job({"1.0-0": {"ends_with": 2}}, **{"runner.ranks": ranks})
                    shell = f'set -o pipefail; "$@" {redirection}'
                    job.wrapper = ["bash", "-c", shell, "bash", *job.wrapper]
                    self.assert_ended(job.run(), 0)
                    self.assertEqual(len(job.directories), 4)

    def test_a_job_in_a_directory_with_strange_names(self):
        job = self.job({})
        job.working_dir += " 'quoted' {braces} ä %s $HOME"
        job.set(working_dir=job.working_dir)
        ended = job.run()
        self.assert_ended(ended, 0)
        self.check_lines(ended)
        self.assertEqual(len(job.directories), 3)


if __name__ == "__main__":
    support.main()
