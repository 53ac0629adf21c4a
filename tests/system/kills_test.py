"""kill -9 of every kind of process: the right outcome, one last word, nothing left, and the next
start goes on."""

import os
import shutil
import signal
import time

import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of

REWARDS = [reward_of(run, 0) for run in range(3)]
WAITING = ["run_1.0-0", "run_2.0-0"]


class KillsTest(support.SystemTest):
    def start_job(self, **parameters):
        """Learning run 0 has succeeded and was announced; the others wait at the gate."""
        server = self.server()
        job = self.job({"*": {}}, server, **parameters)
        job.plan["[12].*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training(*WAITING)
        server.wait_for(PROGRESS)
        return server, job, start

    def check_that_it_goes_on(self, server, job, lost=WAITING):
        """The start was lost; the next one trains what was not done, and nothing else."""
        self.assertEqual(job.remnants(), [])
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes.get("run_0.0-0"), "succeeded", "it was announced")
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)
        self.assertEqual(server.payloads(PROGRESS)[-1], 1.0)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        for name in lost:
            self.assertEqual(outcomes[name], "lost")
            self.assertEqual(outcomes[name + ".part1"], "succeeded")
        self.assertEqual(job.directories, sorted(outcomes))
        self.assertEqual(len(job.start_rows), 2)

    def check_lost(self, role, **parameters):
        server, job, start = self.start_job(**parameters)
        job.kill(role)
        ended = start.wait()
        self.assert_ended(ended, 3)
        self.assert_last_word(server, RESUME)
        print(f"{role} killed: job ended after {ended.seconds:.1f} s")
        self.assertEqual(job.start_rows[-1]["outcome"], "lost")
        self.check_that_it_goes_on(server, job)

    def test_a_worker_rank(self):
        self.check_lost("rank 2")

    def test_rank_0(self):
        self.check_lost("rank 0")

    def test_mpirun(self):
        self.check_lost("mpirun")

    def test_the_only_rank(self):
        server = self.server()
        job = self.job({"*": {}}, server, **{"runner.ranks": 1})
        job.plan["1.*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_1.0-0")
        job.kill("rank 0")
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job, ["run_1.0-0"])

    def check_launcher(self, **parameters):
        server, job, start = self.start_job(**parameters)
        start.kill()
        self.assertEqual(start.wait().code, -signal.SIGKILL)
        server.wait_for(RESUME)
        support.wait_until(lambda: not job.remnants(), "nothing left", state=job.remnants)
        self.assert_last_word(server, RESUME)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual({outcomes[name] for name in WAITING}, {"interrupted"})
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def test_the_launcher(self):
        self.check_launcher()

    def test_the_launcher_of_the_only_rank(self):
        server = self.server()
        job = self.job({"*": {}}, server, learning_runs_per_job=1)
        job.plan["0.*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0")
        start.kill()
        start.wait()
        server.wait_for(RESUME)
        support.wait_until(lambda: not job.remnants(), "nothing left", state=job.remnants)
        self.assert_last_word(server, RESUME)
        job.open_gate()
        self.assert_ended(job.run(), 0)

    def test_a_rank_while_starting_up(self):
        """It may have come to nothing yet, but what is lost is lost: the next start goes on."""
        server = self.server()
        job = self.job({}, server)
        start = job.start()
        support.wait_until(
            lambda: "rank 1" in map(support.role_of, job.processes()), "rank 1"
        )
        job.kill("rank 1")
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        self.check_fresh_start(server, job)

    def hang_mpirun(self, job):
        """Stops it and kills its ranks. (Open MPI 4.1 now and then hangs by itself at that.)"""
        os.kill(job.find("mpirun").pid, signal.SIGSTOP)
        support.kill_at_once([job.find(f"rank {rank}").pid for rank in range(3)])

    def test_an_mpirun_that_hangs_when_its_ranks_die_early(self):
        server = self.server()
        job = self.job({}, server)
        start = job.start()
        support.wait_until(
            lambda: {f"rank {i}" for i in range(3)} <= set(map(support.role_of, job.processes())),
            "all ranks",
        )
        self.hang_mpirun(job)
        ended = start.wait()
        self.assert_ended(ended, 3)
        print(f"job ended after {ended.seconds:.1f} s")
        self.assert_last_word(server, RESUME)
        self.check_fresh_start(server, job)

    def test_an_mpirun_that_hangs_when_its_ranks_die_later(self):
        server, job, start = self.start_job()
        self.hang_mpirun(job)
        ended = start.wait()
        self.assert_ended(ended, 3)
        print(f"job ended after {ended.seconds:.1f} s")
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_the_launcher_while_starting_up(self):
        """Whoever is there already leaves; nobody speaks twice; the next start goes on."""
        for ranks, delays in ((3, (0, 50, 150, 300)), (1, (0, 10))):
            for delay_ms in delays:
                with self.subTest(ranks=ranks, delay_ms=delay_ms):
                    server, job = self.launcher_dies_early(
                        ranks, lambda job: time.sleep(delay_ms / 1000)
                    )
                    server.wait_for(RESUME)
                    self.assertEqual(server.names, [STARTED, RESUME])
                    self.check_fresh_start(server, job)

    def test_the_launcher_just_before_rank_0_looks_for_it(self):
        for ranks in (3, 1):
            with self.subTest(ranks=ranks):

                def rank_is_there(job):
                    support.wait_until(
                        lambda: "rank 0" in map(support.role_of, job.processes()), "rank 0"
                    )

                server, job = self.launcher_dies_early(ranks, rank_is_there)
                self.assertEqual(server.names, [STARTED, RESUME])
                self.check_fresh_start(server, job)

    def launcher_dies_early(self, ranks, moment):
        server = self.server()
        job = self.job({"*": {"gate": "/nowhere"}}, server, **{"runner.ranks": ranks})
        start = job.start()
        server.wait_for(STARTED)
        moment(job)
        start.kill()
        start.wait()
        # What it was about to start may need a moment to see that it is alone.
        support.wait_until(lambda: not job.remnants(), "nothing left", 2.0, job.remnants)
        return server, job

    def check_fresh_start(self, server, job):
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def test_launcher_and_mpirun(self):
        server, job, start = self.start_job()
        os.kill(start.pid, signal.SIGSTOP)  # so that it sees nothing of the other's end
        job.kill("mpirun")
        start.kill()
        start.wait()
        server.wait_for(RESUME)
        self.wait_for_no_process(job)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_everything_at_once(self):
        server, job, start = self.start_job()
        for process in job.processes():
            os.kill(process.pid, signal.SIGSTOP)
        job.kill_all()
        start.wait()
        self.assert_no_word(server)
        self.wait_for_no_process(job)
        self.clear_shared_memory()
        self.check_that_it_goes_on(server, job)

    def wait_for_no_process(self, job):
        support.wait_until(lambda: not job.processes(), "no process", state=job.processes)

    def clear_shared_memory(self):
        """Nobody was left who could have done it."""
        for name in os.listdir("/dev/shm"):
            shutil.rmtree(os.path.join("/dev/shm", name))

    def check_failed_attempt(self, role, outcome):
        """It is an ordinary failure, tried again in the same start."""
        server = self.server()
        job = self.job({"*": {}}, server, max_attempts=2)
        job.plan["1.0-0"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_1.0-0")
        job.wait_for_file(job.path("run_1.0-0", "backend.pid"))
        job.kill(role, "run_1.0-0")
        self.assert_ended(start.wait(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes["run_1.0-0"], outcome)
        self.assertEqual(outcomes["run_1.0-1"], "succeeded")

    def test_the_helper(self):
        self.check_failed_attempt("helper", "learner_failed")

    def test_a_learner(self):
        self.check_failed_attempt("hysr_one_ball_rl", "learner_failed")

    def test_a_backend(self):
        self.check_failed_attempt("hysr_start_robots", "backend_died")

    def test_two_lost_starts_without_a_step_end_in_an_error(self):
        server = self.server()
        job = self.job({"*": {"rows": 0, "gate": "/nowhere"}}, server)
        names = [f"run_{run}.0-0" for run in range(3)]
        start = job.start()
        job.wait_for_training(*names)
        job.kill("mpirun")
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        server.forget()
        start = job.start()
        job.wait_for_training(*[name + ".part1" for name in names])
        job.kill("rank 0")
        self.assert_ended(start.wait(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("before any training made a step", server.error_text)

    def test_a_step_between_lost_starts_lets_the_job_go_on(self):
        server = self.server()
        job = self.job({"*": {"gate": "/nowhere"}}, server)
        for number in range(3):
            part = f".part{number}" if number else ""
            start = job.start()
            job.wait_for_training(*[f"run_{run}.0-0{part}" for run in range(3)])
            job.kill("mpirun")
            self.assert_ended(start.wait(), 3)
        self.assertEqual(server.names, [STARTED, RESUME] * 3)
        self.assertEqual([row["outcome"] for row in job.start_rows], ["lost"] * 3)

    def test_a_start_that_is_lost_after_its_last_result_is_mended(self):
        """Killed between the last row and the last word: the next start only says it."""
        server = self.server()
        job = self.job({}, server)
        start = job.start()
        server.wait_for(PROGRESS)
        support.wait_until(lambda: 1.0 in server.payloads(PROGRESS), "all progress")
        job.kill_all()
        start.wait()
        self.wait_for_no_process(job)
        self.clear_shared_memory()
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)
        self.assertEqual(len(job.attempts), 3)


if __name__ == "__main__":
    support.main()
