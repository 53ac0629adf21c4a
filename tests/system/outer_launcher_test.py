"""An mpirun around the job has started several of it, one for each rank: the same numbers, files
and messages as with an mpirun of its own, one voice, one exit code, and after any death one last
word, the code 3, and nothing left. (tests/clusters/launch_modes_test.py has the same with srun.)"""

import os
import shutil
import signal

import ranks_test
import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of

REWARDS = [reward_of(run, 0) for run in range(3)]
WAITING = ["run_1.0-0", "run_2.0-0"]
# Words of the launcher around the job; MPICH's knows no --oversubscribe and needs none.
MPIRUN = os.environ.get("OUTER_MPIRUN", "mpirun --oversubscribe").split()
HYDRA = MPIRUN[0] != "mpirun"
RANK = "PMI_RANK" if HYDRA else "OMPI_COMM_WORLD_RANK"
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def put_mpirun_around(job, tasks):
    job.environment.update(AS_ROOT)
    job.wrapper = [*MPIRUN, "-n", str(tasks), *job.wrapper]


class SameResultsTest(ranks_test.RanksTest):
    """What ranks_test.py says of them, all of it."""

    test_1_rank = test_4_ranks = test_8_ranks = test_one_rank_starts_no_mpirun = None

    def job(self, plan=None, server=None, **parameters):
        job = super().job(plan, server, **parameters)
        put_mpirun_around(job, parameters["runner.ranks"])
        return job


class OuterLauncherTest(support.SystemTest):
    def make_job(self, plan=None, tasks=3, **parameters):
        server = self.server()
        job = self.job(plan or {}, server, **parameters)
        put_mpirun_around(job, tasks)
        return server, job

    def start_job(self, **parameters):
        """Learning run 0 has succeeded and was announced; the others wait at the gate."""
        server, job = self.make_job({"*": {}}, **parameters)
        job.plan["[12].*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training(*WAITING)
        server.wait_for(PROGRESS)
        return server, job, start

    def clear_what_mpirun_left(self, job):
        """It was not ours, so we do not clean up after it."""
        for name in os.listdir(job.temporary):
            self.assertTrue(name.startswith(("ompi.", "prterun.")), name)
            shutil.rmtree(os.path.join(job.temporary, name))

    def assert_all_left(self, ended, code):
        """Hydra kills those who have not quite left when the first one's code is not 0."""
        self.assert_ended(ended, 9 if HYDRA and ended.code == 9 else code)

    def launcher_of(self, job, task):
        (process,) = [
            p
            for p in job.processes()
            if support.role_of(p) == "launcher"
            and p.environment[RANK] == str(task)
        ]
        return process.pid

    def check_that_it_goes_on(self, server, job, lost=WAITING, outcome="lost"):
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes.get("run_0.0-0"), "succeeded", "it was announced")
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        for name in lost:
            self.assertEqual(outcomes[name], outcome)
            self.assertEqual(outcomes[name + ".part1"], "succeeded")

    def check_lost(self, job, server, start):
        self.assert_all_left(start.wait(), 3)
        server.wait_for(RESUME)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assert_last_word(server, RESUME)
        support.wait_until(lambda: not job.remnants(), "nothing left", 2.0, job.remnants)
        self.assertEqual(job.start_rows[-1]["outcome"], "lost")
        self.check_that_it_goes_on(server, job)

    def test_a_rank_is_lost(self):
        server, job, start = self.start_job()
        job.kill("rank 2")
        self.check_lost(job, server, start)

    def test_rank_0_is_lost(self):
        server, job, start = self.start_job()
        job.kill("rank 0")
        self.check_lost(job, server, start)

    def test_the_launcher_of_task_0_is_lost(self):
        """mpirun kills the others for it, so how far its rank comes is open."""
        server, job, start = self.start_job()
        os.kill(self.launcher_of(job, 0), signal.SIGKILL)
        start.wait()
        server.wait_for(RESUME)
        support.wait_until(lambda: not job.remnants(), "nothing left", 5.0, job.remnants)
        self.assert_last_word(server, RESUME)
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def test_the_launcher_of_another_task_is_lost(self):
        server, job, start = self.start_job()
        os.kill(self.launcher_of(job, 2), signal.SIGKILL)
        start.wait()
        server.wait_for(RESUME)
        support.wait_until(lambda: not job.remnants(), "nothing left", 5.0, job.remnants)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_the_outer_mpirun_is_lost(self):
        server, job, start = self.start_job()
        start.kill()
        start.wait()
        server.wait_for(RESUME)
        support.wait_until(lambda: not job.processes(), "no process", 5.0, job.processes)
        self.assert_last_word(server, RESUME)
        self.clear_what_mpirun_left(job)
        server.forget()
        job.open_gate()
        self.assert_ended(job.run(), 0)
        self.assert_mean(server, REWARDS)

    def test_all_leave_with_3_for_the_next_iteration(self):
        server, job = self.make_job(training_iterations=2)
        ended = job.run()
        self.assert_all_left(ended, 3)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assert_last_word(server, RESUME)
        self.assertEqual(ended.stdout.count("has started 3 ranks"), 1)
        server.forget()
        # With fewer tasks, and then more than there are learning runs, nothing changes.
        job.wrapper = job.wrapper[len(MPIRUN) + 2 :]
        put_mpirun_around(job, 2)
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, [reward_of(run, 1) for run in range(3)])

    def test_more_tasks_than_learning_runs(self):
        server, job = self.make_job({"*": {}}, tasks=4, learning_runs_per_job=2)
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)

    def test_a_job_that_fails_for_good_ends_with_1_and_one_error(self):
        server, job = self.make_job({"1.*": {"ends_with": 1}}, max_attempts=1)
        self.assert_all_left(job.run(), 1)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assert_last_word(server, ERROR)

    def check_refused(self, message, **parameters):
        server, job = self.make_job(tasks=2, **parameters)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.assertIn(message, server.error_text)
        self.assertEqual(ended.stderr.count(message), 1)
        self.assertLess(ended.seconds, 10)

    def test_a_mistake_is_named_once(self):
        self.check_refused("parameter 'max_attempts' is 0", max_attempts=0)

    def test_another_number_of_ranks(self):
        self.check_refused(
            "parameter 'runner.ranks' is 3, but mpirun has started 2 tasks of this job, which are "
            "its ranks. Leave it out, or start 3 tasks.",
            **{"runner.ranks": 3},
        )

    def test_another_launcher(self):
        for mode in ("mpirun", "srun", "none"):
            with self.subTest(mode=mode):
                self.check_refused(
                    f"parameter 'runner.launcher' is '{mode}', but mpirun has started 2 tasks",
                    **{"runner.launcher": mode},
                )

    def test_usr1_stops_in_order(self):
        server, job, start = self.start_job()
        start.signal(signal.SIGUSR1)  # mpirun passes it on to every task
        self.assert_all_left(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job, outcome="interrupted")


if __name__ == "__main__":
    support.main()
