"""kill -9 of the launcher together with those who should clean up behind it: somebody says RESUME
once, nothing is left, and the next start goes on."""

import os
import shutil

import support
from support import CONCLUDED, RESULTS, RESUME, STARTED, reward_of

LIMIT_S = 2.0
BEHAVIOUR = {
    "ignores_term": True,
    "leaves_daemon": True,
    "backend": {"outlives_itself": True, "ignores_stop": True},
}
WAITS = """#!/bin/sh
echo here > "$0.came"
until [ -e "$0.gate" ]; do sleep 0.01; done
exec {} "$@"
"""


class GuardiansTest(support.SystemTest):
    def held_program(self, job, name):
        """The job finds a program of that name that waits at a gate before it becomes the real
        one. Returns its path."""
        path = os.path.join(job.bin, name)
        with open(path, "w") as file:
            file.write(WAITS.format(shutil.which(name)))
        os.chmod(path, 0o755)
        return path

    def start_held(self, name, **parameters):
        """A job that is on its way, and waits for that program."""
        server = self.server()
        job = self.job({}, server, **parameters)
        held = self.held_program(job, name)
        start = job.start()
        server.wait_for(STARTED)
        job.wait_for_file(held + ".came")
        return server, job, start, held

    def kill(self, job, start, guardians, *roles):
        processes = [(support.role_of(p), p.pid) for p in job.processes()]
        pids = [start.pid]
        pids += [pid for role, pid in processes if role == "guardian"][:guardians]
        pids += [pid for role, pid in processes if role in roles]
        self.assertEqual(len(pids), 1 + guardians + len(roles), processes)
        support.kill_at_once(pids)
        start.wait()

    def check(self, server, job, held=None):
        support.wait_until(lambda: not job.remnants(), "nothing left", LIMIT_S, job.remnants)
        server.wait_for(RESUME)
        self.assertEqual(server.names, [STARTED, RESUME])
        if held:
            os.remove(held)
        job.plan = {}
        server.forget()
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        runs = job.parameters["learning_runs_per_job"]
        self.assert_mean(server, [reward_of(run, 0) for run in range(runs)])

    def test_before_there_is_a_rank(self):
        server, job, start, held = self.start_held("mpirun")
        self.kill(job, start, 1)
        self.check(server, job, held)

    def test_while_the_launcher_tries_the_container_out(self):
        server, job, start, held = self.start_held("bwrap", **{"runner.container": "bubblewrap"})
        self.kill(job, start, 1)
        self.check(server, job, held)

    def test_with_both_guardians_rank_0_speaks_when_it_comes_up(self):
        server, job, start, held = self.start_held("mpirun")
        self.kill(job, start, 2)
        self.assertEqual(server.names, [STARTED])
        open(held + ".gate", "w").close()
        server.wait_for(RESUME)
        self.check(server, job, held)

    def start_training(self, **parameters):
        server = self.server()
        job = self.job({"*": dict(BEHAVIOUR)}, server, **parameters)
        job.plan["*"]["gate"] = job.gate()
        start = job.start()
        runs = job.parameters["learning_runs_per_job"]
        for run in range(runs):
            job.wait_for_training(f"run_{run}.0-0")
            job.wait_for_file(job.path(f"run_{run}.0-0", "backend.pid"))
        return server, job, start

    def test_with_ranks_whose_daemons_are_left(self):
        for killed in (("rank 0",), ("rank 1",), ("mpirun",), ("rank 0", "rank 1", "mpirun")):
            with self.subTest(killed):
                server, job, start = self.start_training(
                    learning_runs_per_job=2, **{"runner.container": "none"}
                )
                self.kill(job, start, 1, *killed)
                self.check(server, job)

    def test_with_the_only_rank(self):
        server, job, start = self.start_training(
            learning_runs_per_job=1, **{"runner.container": "none"}
        )
        self.kill(job, start, 1, "rank 0")
        self.check(server, job)


if __name__ == "__main__":
    support.main()
