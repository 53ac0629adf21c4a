"""Ranks that a real srun starts by PMIx, on one node and on three, and an mpirun over three nodes
of a batch job: results, exit codes, words to the server, hosts, and what becomes of it all when a
part is killed. (cluster_utils itself is in the other tests here, an mpirun around the job in
tests/system/outer_launcher_test.py.)"""

import os
import signal
import time

import slurm_testing
import support
from support import CONCLUDED, ERROR, PROGRESS, RESULTS, RESUME, STARTED, reward_of

NODES = 3
REWARDS = [reward_of(run, 0) for run in range(3)]
WAITING = ["run_1.0-0", "run_2.0-0"]
# How srun reaches the MPI library: pmix, or pmi2 for MPICH.
MPI_TYPE = os.environ.get("SRUN_MPI", "pmix")
SRUN_MPI = f"--mpi={MPI_TYPE}"
SEVERAL_NODES = "reprise_several_nodes.sbatch"
# Ends as the batch job does. (sbatch --wait asks every few seconds only.)
SUBMIT = """\
code=$PWD/batch.code
cat > batch <<'END'
#!/bin/sh
"$@" > batch.out 2>&1
echo $? > batch.new
mv batch.new batch.code
END
rm -f "$code"
sbatch -o batch.sh.out -N "$0" batch "$@" || exit
until [ -e "$code" ]; do sleep 0.05; done
cat batch.out
exit "$(cat "$code")"
"""


class LaunchModesTest(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": NODES}

    def make_job(self, plan=None, nodes=1, **parameters):
        server = self.server()
        job = self.job(plan or {}, server, **parameters)
        if nodes > 1:
            job.environment.update(slurm_testing.BETWEEN_NODES)
        return server, job

    def wait_at_gate(self, server, job):
        """Learning run 0 has succeeded and was announced; the others wait at the gate."""
        job.plan.setdefault("*", {})
        job.plan["[12].*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training(*WAITING)
        server.wait_for(PROGRESS)
        return start

    def wait_until_nothing_is_left(self, job):
        def left():
            return self.left(job) + job.remnants()

        support.wait_until(lambda: not left(), "nothing left", 10.0, left)

    def check_result(self, server, job, ended):
        self.assert_ended(ended, 0)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        self.assert_mean(server, REWARDS)

    def check_that_it_goes_on(self, server, job):
        self.wait_until_nothing_is_left(job)
        self.assertEqual(job.attempt("run_0.0-0")["outcome"], "succeeded", "it was announced")
        server.forget()
        job.open_gate()
        self.check_result(server, job, job.run())

    # Ranks that srun has started

    def srun(self, plan=None, nodes=1, tasks=3, options=(SRUN_MPI,), **parameters):
        server, job = self.make_job(plan, nodes, **parameters)
        job.wrapper = ["srun", *options, f"-N{nodes}", f"-n{tasks}", *job.wrapper]
        return server, job

    def waiting(self, nodes=1, **parameters):
        server, job = self.srun(nodes=nodes, **parameters)
        return server, job, self.wait_at_gate(server, job)

    def launcher_of(self, job, task):
        (process,) = [
            p
            for p in job.processes()
            if support.role_of(p) == "launcher" and p.environment["SLURM_PROCID"] == str(task)
        ]
        return process.pid

    def test_ranks_on_one_node(self):
        server, job = self.srun({"*": {}})
        ended = job.run()
        self.check_result(server, job, ended)
        self.assertEqual(ended.stdout.count("srun has started 3 ranks"), 1)
        self.assertEqual({row["host"] for row in job.attempts}, {"node1"})
        self.assertEqual(job.start_rows[0]["ranks"], 3)
        variables = job.facts("run_1.0-0")["environment"]
        strangers = ("OMPI_", "PMIX_", "PMI_", "SLURM_STEP", "SLURM_PROCID", "REPRISE_INTERNAL")
        self.assertEqual([name for name in variables if name.startswith(strangers)], [])

    def test_ranks_on_three_nodes_and_two_starts(self):
        server, job = self.srun({"*": {}}, nodes=3, training_iterations=2)
        self.assert_ended(job.run(), 3)
        self.assert_last_word(server, RESUME)
        self.assertEqual({row["host"] for row in job.attempts}, {"node1", "node2", "node3"})
        self.assertEqual({row["cores"] for row in job.attempts} & {""}, set())
        server.forget()
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assert_mean(server, [reward_of(run, 1) for run in range(3)])

    def check_lost_rank(self, rank, nodes):
        server, job, start = self.waiting(nodes)
        job.kill(f"rank {rank}")
        ended = start.wait()
        self.assert_ended(ended, 3)
        self.assert_last_word(server, RESUME)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assertEqual(job.start_rows[-1]["outcome"], "lost")
        self.check_that_it_goes_on(server, job)

    def test_a_rank_is_lost(self):
        self.check_lost_rank(2, nodes=1)

    def test_a_rank_on_another_node_is_lost(self):
        self.check_lost_rank(2, nodes=3)

    def test_rank_0_is_lost(self):
        self.check_lost_rank(0, nodes=3)

    def check_lost_launcher(self, task, nodes):
        """Slurm counts its death as 137 whatever the others say, but the server hears the word."""
        server, job, start = self.waiting(nodes)
        os.kill(self.launcher_of(job, task), signal.SIGKILL)
        self.assert_ended(start.wait(), 137)
        server.wait_for(RESUME)
        self.wait_until_nothing_is_left(job)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_the_launcher_of_task_0_is_lost(self):
        self.check_lost_launcher(0, nodes=1)

    def test_the_launcher_of_another_task_is_lost(self):
        self.check_lost_launcher(2, nodes=3)

    def test_a_job_that_fails_for_good(self):
        server, job = self.srun({"1.*": {"ends_with": 1}}, max_attempts=1)
        self.assert_ended(job.run(), 1)
        self.assertEqual(server.names.count(STARTED), 1)
        self.assert_last_word(server, ERROR)

    def test_a_mistake_is_named_once_and_all_leave_with_1(self):
        server, job = self.srun(max_attempts=0)
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.assertEqual(ended.stderr.count("parameter 'max_attempts' is 0"), 1)

    def test_srun_without_pmix_is_an_error_that_says_what_to_write(self):
        server, job = self.srun(options=("--mpi=none",))
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertEqual(server.names, [STARTED, ERROR])
        self.assertIn(f"Set SLURM_MPI_TYPE={MPI_TYPE} ", server.error_text)

    def test_slurm_mpi_type_and_fewer_tasks_than_learning_runs(self):
        server, job = self.srun({"*": {}}, tasks=2, options=(), **{"runner.launcher": "srun"})
        job.environment["SLURM_MPI_TYPE"] = MPI_TYPE
        self.check_result(server, job, job.run())

    def test_usr1_stops_in_order(self):
        server, job, start = self.waiting(nodes=3)
        start.signal(signal.SIGUSR1)  # srun passes it on
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual({outcomes[name] for name in WAITING}, {"interrupted"})
        self.check_that_it_goes_on(server, job)

    def test_another_node_is_lost(self):
        """Task 0 says so long before Slurm has noticed."""
        server, job, start = self.waiting(nodes=3)
        self.slurm.kill_node("node3")
        server.wait_for(RESUME)
        self.assertTrue(start.is_running or start.wait().code != 0)
        self.slurm.notice_loss("node3")
        start.wait(60)
        self.assert_last_word(server, RESUME)
        self.slurm.start_node("node3")
        self.check_that_it_goes_on(server, job)


    def test_srun_that_kills_when_one_task_fails(self):
        """--kill-on-bad-exit, or KillOnBadExit in slurm.conf: all tasks leave with 3 at once."""
        server, job = self.srun(options=(SRUN_MPI, "--kill-on-bad-exit=1"))
        start = self.wait_at_gate(server, job)
        job.kill("rank 1")
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        self.wait_until_nothing_is_left(job)

    def test_slurm_hears_of_a_lost_rank_after_task_0_has_spoken(self):
        """Its PMIx server would kill the whole step at once: then the code is 137, and nobody is
        left to speak."""
        server, job, start = self.waiting(nodes=3)
        launcher = self.launcher_of(job, 0)
        os.kill(launcher, signal.SIGSTOP)
        job.kill("rank 2")
        time.sleep(2)  # Slurm takes less than one
        self.assertTrue(start.is_running)
        os.kill(launcher, signal.SIGCONT)
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)

    def test_a_rank_and_the_launcher_of_task_0_are_lost(self):
        server, job, start = self.waiting(nodes=3)
        rank = job.find("rank 2").pid
        os.kill(self.launcher_of(job, 0), signal.SIGKILL)
        os.kill(rank, signal.SIGKILL)
        server.wait_for(RESUME)
        self.wait_until_nothing_is_left(job)
        start.wait()
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_scancel_saves_what_there_is(self):
        server, job, start = self.waiting(nodes=3)
        number = job.find("rank 0").environment["SLURM_JOB_ID"]
        self.slurm.run("scancel", number)
        start.wait()
        self.wait_until_nothing_is_left(job)
        self.assert_last_word(server, ERROR)  # nobody starts it again (runner.on_term)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual({outcomes[name] for name in WAITING}, {"interrupted"})
        self.check_that_it_goes_on(server, job)

    # Ranks that mpirun starts on the nodes of a batch job

    def batch(self, plan=None, **parameters):
        server, job = self.make_job(plan, nodes=NODES, **parameters)
        job.wrapper = ["sh", "-c", SUBMIT, str(NODES), *job.wrapper]
        return server, job

    def check_lost_in_batch(self, role):
        server, job = self.batch()
        start = self.wait_at_gate(server, job)
        job.kill(role)
        self.assert_ended(start.wait(), 3)
        self.assert_last_word(server, RESUME)
        self.check_that_it_goes_on(server, job)

    def test_mpirun_loses_a_rank_on_another_node(self):
        self.check_lost_in_batch("rank 2")

    def test_mpirun_is_lost(self):
        self.check_lost_in_batch("mpirun")

    def test_the_launcher_above_mpirun_is_lost(self):
        server, job = self.batch()
        start = self.wait_at_gate(server, job)
        job.kill("launcher")
        server.wait_for(RESUME)
        self.assert_ended(start.wait(), 137)
        self.wait_until_nothing_is_left(job)
        self.assert_last_word(server, RESUME)

    def test_the_batch_script_for_several_nodes(self):
        job = self.batch_job({"*": {}}, training_iterations=2)
        job.environment.update(slurm_testing.BETWEEN_NODES)
        self.wait_for_success(job, self.submit(job, SEVERAL_NODES))
        self.assertEqual(self.outcomes(job), ["resume", "finished"])
        self.assertEqual({row["host"] for row in job.attempts}, set(self.slurm.nodes))


if __name__ == "__main__":
    slurm_testing.main()
