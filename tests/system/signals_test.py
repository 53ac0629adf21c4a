"""TERM, INT, HUP: saved, gone within 5 s, code 3 and no word. USR1: exit for resume."""

import contextlib
import os
import signal
import time

import support
from support import CONCLUDED, PROGRESS, RESULTS, RESUME, STARTED, reward_of

REWARDS = [reward_of(run, 0) for run in range(3)]
WAITING = ["run_1.0-0", "run_2.0-0"]
TERM_LIMIT_S = 5.0
BANNERS = ("mpirun", "----", "MPI_", "orte", "ORTE", "PRTE")


class SignalsTest(support.SystemTest):
    def start_job(self, server, behaviour=None, **parameters):
        """Learning run 0 has succeeded and was announced; the others wait at the gate."""
        job = self.job({"*": {}}, server, **parameters)
        job.plan["[12].*"] = {"gate": job.gate(), **(behaviour or {})}
        start = job.start()
        job.wait_for_training(*WAITING)
        if server is None:
            support.wait_until(lambda: "progress" in start.stdout, "progress")
        else:
            server.wait_for(PROGRESS)
        return job, start

    def assert_silent_end(self, start, since, server):
        ended = start.wait()
        seconds = time.monotonic() - since
        self.assert_ended(ended, 3)
        self.assertLess(seconds, TERM_LIMIT_S)
        if server is not None:
            self.assert_no_word(server)
        self.assert_no_banner(ended)
        return ended, seconds

    def assert_no_banner(self, ended):
        for banner in BANNERS:
            self.assertNotIn(banner, ended.log)

    def check_that_it_goes_on(self, server, job):
        self.assertEqual(job.remnants(), [])
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        expected = {"run_0.0-0": "succeeded", **dict.fromkeys(WAITING, "interrupted")}
        self.assertEqual(outcomes, expected)
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)
        self.assertEqual(
            job.directories,
            ["run_0.0-0", *(name + end for name in WAITING for end in ("", ".part1"))],
        )

    def check_silent(self, number, send, behaviour=None, **parameters):
        server = self.server()
        job, start = self.start_job(server, behaviour, **parameters)
        since = time.monotonic()
        send(start, number)
        ended, seconds = self.assert_silent_end(start, since, server)
        print(f"{signal.Signals(number).name}: gone after {seconds:.2f} s")
        self.assertEqual(job.start_rows[-1]["outcome"], "terminated")
        self.check_that_it_goes_on(server, job)
        return ended

    def test_term(self):
        self.check_silent(signal.SIGTERM, support.Start.signal)

    def test_term_to_the_only_rank(self):
        server = self.server()
        job = self.job({"*": {}}, server, **{"runner.ranks": 1})
        job.plan["1.*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_1.0-0")
        since = time.monotonic()
        start.signal(signal.SIGTERM)
        self.assert_silent_end(start, since, server)
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assertIn("run_1.0-0.part1", job.directories)

    def test_int(self):
        self.check_silent(signal.SIGINT, support.Start.signal)

    def test_hup(self):
        self.check_silent(signal.SIGHUP, support.Start.signal)

    def test_int_to_the_whole_group_as_a_terminal_does(self):
        self.check_silent(signal.SIGINT, support.Start.signal_group)

    def test_term_to_the_whole_group(self):
        self.check_silent(signal.SIGTERM, support.Start.signal_group)

    def test_learners_that_ignore_term(self):
        self.check_silent(
            signal.SIGTERM,
            support.Start.signal,
            {"ignores_term": True, "leaves_daemon": True},
            **{"runner.stop_grace_s": 60},
        )

    def test_backends_that_ignore_everything(self):
        self.check_silent(
            signal.SIGTERM,
            support.Start.signal,
            {"ignores_term": True, "backend": {"ignores_stop": True}},
            **{"runner.stop_grace_s": 60},
        )

    def test_term_with_an_mpirun_that_hangs(self):
        """It passes nothing on, so the launcher has to end the trainings itself."""
        server = self.server()
        job, start = self.start_job(server)
        os.kill(job.find("mpirun").pid, signal.SIGSTOP)
        since = time.monotonic()
        start.signal(signal.SIGTERM)
        self.assert_silent_end(start, since, server)
        self.assertEqual(job.remnants(), [])
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)
        self.assertIn("run_1.0-0.part1", job.directories)

    def test_term_twice(self):
        def send(start, number):
            start.signal(number)
            time.sleep(0.1)
            start.signal(number)

        self.check_silent(signal.SIGTERM, send)

    def test_by_hand_the_user_hears_that_the_same_command_goes_on(self):
        job, start = self.start_job(None)
        since = time.monotonic()
        start.signal_group(signal.SIGINT)
        ended, _ = self.assert_silent_end(start, since, None)
        self.assertIn("same command", ended.stderr)
        job.open_gate()
        self.assert_ended(job.run(), 0)

    def check_time_limit(self, behaviour=None, **parameters):
        server = self.server()
        job, start = self.start_job(server, behaviour, **parameters)
        start.signal(signal.SIGUSR1)
        ended = start.wait()
        self.assert_ended(ended, 3)
        self.assert_last_word(server, RESUME)
        self.assert_no_banner(ended)
        self.assertEqual(job.start_rows[-1]["outcome"], "resume")
        self.check_that_it_goes_on(server, job)
        return job

    def test_usr1(self):
        self.check_time_limit()

    def test_usr1_with_learners_that_ignore_term(self):
        self.check_time_limit({"ignores_term": True}, **{"runner.stop_grace_s": 0.3})

    def test_usr1_gives_a_learner_the_signal_that_was_asked_for(self):
        job = self.check_time_limit({"ignores_term": True}, **{"runner.stop_signal": "INT"})
        self.assertEqual({job.attempt(name)["signal"] for name in WAITING}, {signal.SIGINT})

    def test_term_after_usr1_is_silent(self):
        """The learners use up their grace; then somebody loses patience."""
        server = self.server()
        job, start = self.start_job(server, {"ignores_term": True}, **{"runner.stop_grace_s": 60})
        start.signal(signal.SIGUSR1)
        support.wait_until(
            lambda: "is asked to end" in start.stdout, "the stop", state=lambda: start.stdout
        )
        since = time.monotonic()
        start.signal(signal.SIGTERM)
        self.assert_silent_end(start, since, server)
        job.open_gate()
        self.assert_ended(job.run(), 0)

    def test_term_while_starting_up(self):
        """From the moment of the registration, before there are ranks, up to the first training."""
        for ranks, delays in ((3, (0, 20, 60, 120, 200, 350, 600)), (1, (0, 5, 20))):
            for delay_ms in delays:
                with self.subTest(ranks=ranks, delay_ms=delay_ms):
                    self.check_start_up(ranks, delay_ms / 1000, signal.SIGTERM)

    def test_usr1_while_starting_up(self):
        for ranks, delays in ((3, (0, 100, 300)), (1, (0, 10))):
            for delay_ms in delays:
                with self.subTest(ranks=ranks, delay_ms=delay_ms):
                    self.check_start_up(ranks, delay_ms / 1000, signal.SIGUSR1)

    def check_start_up(self, ranks, delay_s, number):
        server = self.server()
        job = self.job({"*": {"gate": "/nowhere"}}, server, **{"runner.ranks": ranks})
        start = job.start()
        server.wait_for(STARTED)
        time.sleep(delay_s)
        since = time.monotonic()
        start.signal(number)
        if number == signal.SIGTERM:
            self.assert_silent_end(start, since, server)
        else:
            ended = start.wait()
            self.assert_ended(ended, 3)
            self.assert_last_word(server, RESUME)
            self.assert_no_banner(ended)
        self.assertEqual(job.remnants(), [])
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def signal_all(self, job, number):
        """Learners first, so that their end is seen before the order to end them."""
        for process in sorted(job.processes(), key=lambda process: -process.pid):
            with contextlib.suppress(ProcessLookupError):  # it may follow one that has got it
                os.kill(process.pid, number)

    def test_term_to_every_process_as_batch_systems_do(self):
        for ranks in (3, 1):
            with self.subTest(ranks=ranks):
                server = self.server()
                job = self.job({"*": {}}, server, **{"runner.ranks": ranks})
                job.plan["1.*"] = {"gate": job.gate()}
                start = job.start()
                job.wait_for_training("run_1.0-0")
                server.wait_for(PROGRESS)
                since = time.monotonic()
                self.signal_all(job, signal.SIGTERM)
                self.assert_silent_end(start, since, server)
                self.assertEqual(job.remnants(), [])
                server.forget()
                job.open_gate()
                self.assert_ended(job.run(), 0)
                self.assert_mean(server, REWARDS)
                # It was no failure of the learner's.
                self.assertIn("run_1.0-0.part1", job.directories)

    def test_signals_at_the_very_end(self):
        """Either the result is sent or it is not, never half of it."""
        for number in (signal.SIGTERM, signal.SIGUSR1):
            for delay_ms in (0, 10, 30, 60, 100):
                with self.subTest(signal=number.name, delay_ms=delay_ms):
                    self.check_end(number, delay_ms / 1000)

    def check_end(self, number, delay_s):
        server = self.server()
        job = self.job({}, server, learning_runs_per_job=2)
        start = job.start()
        support.wait_until(lambda: 1.0 in server.payloads(PROGRESS), "all progress")
        time.sleep(delay_s)
        if start.is_running:
            start.signal(number)
        ended = start.wait()
        if ended.code == 0:
            self.assert_last_word(server, RESULTS, CONCLUDED)
        else:
            self.assert_ended(ended, 3)
            if number == signal.SIGTERM:
                self.assert_no_word(server)
            else:
                self.assert_last_word(server, RESUME)
        self.assert_no_banner(ended)
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assertEqual(server.names, [STARTED, RESULTS, CONCLUDED])

    def test_term_while_it_waits_for_another_job(self):
        server = self.server()
        job, start = self.start_job(server)
        second = job.start()
        support.wait_until(
            lambda: "waiting for" in second.stdout, "the wait", state=lambda: second.stdout
        )
        since = time.monotonic()
        second.signal(signal.SIGTERM)
        self.assert_silent_end(second, since, server)
        job.open_gate()
        self.assert_ended(start.wait(), 0)
        self.assert_mean(server, REWARDS)


if __name__ == "__main__":
    support.main()
