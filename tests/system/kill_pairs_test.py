"""kill -9 of every process of a job, singly and in pairs. Within LIMIT_S nothing of what was killed
is left, no process, no file, no mount, and the outcome is this:

    killed                                      outcome
    ------------------------------------------  ----------------------------------------------------
    learner, backend, helper, starter           the attempt has failed and is tried again; the job
        (also two of them)                      goes on; no word is said
    guardian                                    nothing happens
        and one of the above                    as above
    rank, rank 0, mpirun                        the start is lost: code 3, the launcher says RESUME
        (also two of them, or one of the above)
    launcher                                    rank 0 stops the trainings, saves, says RESUME
        and guardian                            the same
        and learner, backend, helper, starter   the same
        and rank, rank 0, mpirun                the start is lost; the guardian says RESUME

The starter is the container's first process, which the rank starts (bwrap); Apptainer's own
("Apptainer runtime parent", and "appinit" inside) are starters too. The launcher is the wrapper,
which becomes it. Somebody says RESUME exactly once, and the next start goes on.

Everything is as bad as it can be: the learners ignore SIGTERM, talk a lot, and leave daemons behind
that do the same in sessions of their own, and so do the backends. One job is started again and
again by the same command and killed at the same gate; in the end the gate is opened and the result
is there."""

import itertools
import os
import signal
import sys
import time
import unittest

import support
from support import CONCLUDED, PROGRESS, RESULTS, RESUME, STARTED

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "support"))

import images  # noqa: E402

LIMIT_S = 2.0
CONTAINER = ("appinit", "apptainer", "starter")  # from the inside
OF_THE_ATTEMPT = ("learner", "backend", "helper", *CONTAINER)
OF_THE_START = ("rank", "rank 0", "mpirun")
# Of these the second one to be killed may have noticed the end of the first.
BOTH_ORDERS = [
    {"launcher", "rank 0"},
    {"launcher", "mpirun"},
    {"launcher", "rank"},
    {"rank 0", "mpirun"},
    {"rank", "helper"},
    {"rank", "starter"},
    {"helper", "starter"},
]
GAP_S = 0.002
COMMANDS = {"learner": "hysr_one_ball_rl", "backend": "hysr_start_robots"}
BEHAVIOUR = {
    "ignores_term": True,
    "leaves_daemon": True,
    "says": "0123456789abcde\n" * 8192,
    "backend": {"outlives_itself": True, "ignores_stop": True},
}


def cases(roles):
    """Singles and pairs of them, as tuples in the order in which they are killed."""
    found = [(role,) for role in roles]
    for pair in itertools.combinations(roles, 2):
        found.append(pair)
        if set(pair) in BOTH_ORDERS:
            found.append(pair[::-1])
    return found


def running():
    """All processes, but zombies."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    if file.read().rpartition(")")[2].split()[0] != "Z":
                        found.add(int(name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return f"{pid} " + file.read().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}"


def mounts():
    with open("/proc/self/mountinfo") as file:
        return sorted(file.read().splitlines())


class Campaign(support.SystemTest):
    """One job, killed in many ways."""

    ROLES = ()
    PARAMETERS = {}
    LEARNING_RUNS = 3  # each has its rank
    VICTIM = 1  # the learning run, and its rank
    CONTAINER_DEPTH = 0  # processes between rank and helper

    def setUp(self):
        self.mounts = mounts()
        self.strangers = running()
        self.slowest = (0.0, None)
        self.campaign_server = self.server()
        plan = {"*": dict(BEHAVIOUR)}
        self.sample = self.job(
            plan,
            self.campaign_server,
            max_attempts=100,
            learning_runs_per_job=self.LEARNING_RUNS,
            **self.PARAMETERS,
        )
        plan["*"]["gate"] = self.sample.gate()
        self.running = None

    # The job as it waits at its gate

    def attempts_at_the_gate(self):
        """Directory of the attempt of each learning run; None unless all of them wait."""
        found = {}
        for process in self.sample.processes():
            directory = process.directory
            if support.role_of(process) != COMMANDS["learner"]:
                continue
            waits = all(
                os.path.exists(os.path.join(directory, name)) for name in ("trained", "backend.pid")
            )
            if waits:
                found[int(os.path.basename(directory)[len("run_")])] = directory
        return found if len(found) == self.LEARNING_RUNS else None

    def wait_for_the_gate(self, other_than=None):
        def arrived():
            self.assertTrue(self.running.is_running, self.running.stdout + self.running.stderr)
            found = self.attempts_at_the_gate()
            return found if found and found[self.VICTIM] != other_than else None

        return support.wait_until(
            arrived, "all learners at the gate", state=lambda: self.running.stdout
        )

    def start(self):
        if self.running is None or not self.running.is_running:
            self.campaign_server.forget()
            self.running = self.sample.start()
        return self.wait_for_the_gate()

    # The victims

    def victim(self, role, directory):
        processes = self.sample.processes()
        if role in (*OF_THE_START, "launcher"):
            name = f"rank {self.VICTIM}" if role == "rank" else role
            found = [p.pid for p in processes if support.role_of(p) == name]
        elif role == "guardian":  # the launcher has two
            launcher = self.victim("launcher", directory)
            found = [
                p.pid
                for p in processes
                if support.role_of(p) == role and parent_of(p.pid) == launcher
            ][:1]
        elif role in CONTAINER:
            above = self.container(directory)
            self.assertEqual(len(above), self.CONTAINER_DEPTH)
            found = [above[-1 if role == "starter" else CONTAINER.index(role)]]
        else:
            name = COMMANDS.get(role, role)
            # A daemon is called what its parent is called, but leads no group.
            found = [
                p.pid
                for p in processes
                if support.role_of(p) == name
                and p.directory == directory
                and (role not in COMMANDS or os.getpgid(p.pid) == p.pid)
            ]
        self.assertEqual(len(found), 1, f"{role}: {found} of " + "\n".join(map(str, processes)))
        return found[0]

    def container(self, directory):
        """The processes between rank and helper, from the inside."""
        rank = self.victim("rank", directory)
        above = [parent_of(self.victim("helper", directory))]
        while above[-1] != rank:
            above.append(parent_of(above[-1]))
        return above[:-1]

    def attempt_processes(self, directory):
        inside = [p.pid for p in self.sample.processes() if p.directory == directory]
        return {*inside, *self.container(directory)}

    def kill(self, case, directory):
        """Returns what should end because of it, when the job does not."""
        attempt = self.attempt_processes(directory)
        pids = [self.victim(role, directory) for role in case]
        pidfds = [os.pidfd_open(pid) for pid in pids]
        for number, pidfd in enumerate(pidfds):
            if number:
                time.sleep(GAP_S)
            try:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass  # the death of the first one was its own
        for pidfd in pidfds:
            os.close(pidfd)
        return attempt

    # What must be true afterwards

    def wait_until_gone(self, case, since, remnants):
        """Fails unless nothing is left soon enough."""
        while True:
            left = remnants()
            seconds = time.monotonic() - since
            if not left:
                self.slowest = max(self.slowest, (seconds, case))
                return
            if seconds > LIMIT_S:
                shown = "\n".join(map(str, left))
                self.fail(f"left {LIMIT_S} s after the kill of {case}:\n{shown}\n" + self.log())
            time.sleep(0.005)

    def log(self):
        return self.running.stdout + self.running.stderr

    def left_of_the_job(self):
        left = self.sample.remnants()
        # Not everything that works for the job carries its mark.
        left += [f"process {describe(pid)}" for pid in running() - self.strangers]
        left += [f"mount {line}" for line in mounts() if line not in self.mounts]
        left += [
            f"/tmp/{name}"
            for name in os.listdir("/tmp")
            if not f"{self.sample.folder}/ {support.SOURCE_DIR}/".count(f"/tmp/{name}/")
        ]
        return left

    def check_attempt(self, case, directory, attempt):
        """Tried again in the same start, and nobody said anything."""
        since = time.monotonic()
        self.wait_until_gone(case, since, lambda: list(map(describe, attempt & running())))
        self.wait_for_the_gate(other_than=directory)
        self.assertLessEqual(set(self.campaign_server.names), {STARTED, PROGRESS})

    def end_without_guardian(self):
        """The rest of the start is like any other, but should not meet the next kill."""
        self.wait_for_the_gate()
        self.assertLessEqual(set(self.campaign_server.names), {STARTED, PROGRESS})
        self.running.signal(signal.SIGUSR1)
        self.assert_ended(self.running.wait(), 3)
        self.assertEqual(self.left_of_the_job(), [])
        self.assert_last_word(self.campaign_server, RESUME)

    def check_start(self, case):
        since = time.monotonic()
        self.wait_until_gone(case, since, self.left_of_the_job)
        ended = self.running.wait()
        # A launcher that is killed second may have said and done everything before.
        was_killed = case[0] == "launcher" or ("launcher" in case and ended.code != 3)
        self.assert_ended(ended, -signal.SIGKILL if was_killed else 3)
        self.campaign_server.wait_for(RESUME)
        self.assert_last_word(self.campaign_server, RESUME)

    def check_case(self, case):
        directory = self.start()[self.VICTIM]
        attempt = self.kill(case, directory)
        if set(case) & {*OF_THE_START, "launcher"}:
            self.check_start(case)
            return
        if case != ("guardian",):
            self.check_attempt(case, directory, attempt)
        if "guardian" in case:
            self.end_without_guardian()

    def check_cases(self, wanted):
        for case in wanted:
            with self.subTest(killed=" and then ".join(case)):
                try:
                    self.check_case(case)
                except BaseException:
                    self.clear()
                    raise
        self.check_that_it_ends_well()

    def clear(self):
        """After a failure: the next case starts from nothing."""
        support.wait_until(lambda: not self.sample.kill_all(), "the end of what was killed")
        self.running.close()

    def check_that_it_ends_well(self):
        self.start()
        self.sample.open_gate()
        # What is left to be ended is the backends, which ignore everything, and the daemons.
        self.assert_ended(self.running.wait(), 0)
        self.assert_last_word(self.campaign_server, RESULTS, CONCLUDED)
        rewards = [support.reward_of(run, 0) for run in range(self.LEARNING_RUNS)]
        self.assert_mean(self.campaign_server, rewards)
        self.assertEqual(self.left_of_the_job(), [])
        seconds, case = self.slowest
        print(f"slowest: {case} after {seconds:.2f} s")


class WithoutContainer(Campaign):
    PARAMETERS = {"runner.container": "none"}
    ROLES = ("learner", "backend", "helper", "rank", "rank 0", "mpirun", "launcher", "guardian")

    def test_all_singles_and_pairs(self):
        self.check_cases(cases(self.ROLES))


class TheOnlyRank(Campaign):
    """It needs no mpirun, and is the launcher's child."""

    PARAMETERS = {"runner.container": "none"}
    ROLES = ("learner", "backend", "helper", "rank 0", "launcher", "guardian")
    LEARNING_RUNS = 1
    VICTIM = 0

    def test_all_singles_and_pairs(self):
        self.check_cases(cases(self.ROLES))


class InBubblewrap(Campaign):
    PARAMETERS = {"runner.container": "bubblewrap"}
    CONTAINER_DEPTH = 1
    ROLES = ("learner", "backend", "helper", "starter", "rank", "rank 0", "mpirun", "launcher")

    def test_all_in_which_the_container_has_a_part(self):
        self.check_cases(case for case in cases(self.ROLES) if set(case) & set(OF_THE_ATTEMPT))


class InApptainer(Campaign):
    """A selection, in a SIF file: what differs is who stands between the rank and the helper."""

    # appinit, Apptainer's runtime parent, and bwrap twice
    CONTAINER_DEPTH = 4

    def setUp(self):
        self.PARAMETERS = {"singularity.image": images.trainer_sif()}
        super().setUp()
        environment = self.sample.environment
        for name in ("SCRIPTED_PLAN", support.MARK):
            environment["APPTAINERENV_" + name] = environment[name]

    def test_the_container_and_those_next_to_it(self):
        singles = [(role,) for role in (*CONTAINER, "helper", "learner", "rank", "launcher")]
        pairs = [
            pair
            for starter in CONTAINER
            for other in ("rank", "helper", "launcher")
            for pair in ((starter, other), (other, starter))
        ]
        self.check_cases(singles + pairs)


if __name__ == "__main__":
    # In full as an ordinary user, too: kill_pairs_test.py --ordinary-user (a selection of it is
    # a test of its own, ordinary_user_test.py)
    ordinary = "--ordinary-user" in sys.argv
    if ordinary:
        sys.argv.remove("--ordinary-user")
    support.main(private_tmp=True, ordinary_user=ordinary)
