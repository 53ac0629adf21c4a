"""What the system tests share: a job in a folder of its own, a server that listens, and the look
around afterwards.

The real binary is started, through the real scripts/run_mpi.py where nothing else is said, with
tests/support/scripted_trainer.py as its three commands. Synchronisation goes by files and
datagrams: a learner waits at a gate until the test opens it. At the end of each test nothing of
its jobs may be left: no process (all of them carry a mark in their environment), no file in
/dev/shm, and none where Open MPI puts its sessions. Every test program has namespaces of its own
(processes, mounts), so what goes wrong in it harms nobody.

Environment: REPRISE_BIN, the program (CTest sets it).
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing
import unittest
import uuid

from left_files import curve_names, read_csv_row, read_json, read_rows  # noqa: F401
from listening_server import (  # noqa: F401
    CONCLUDED,
    EARLY_REPORT,
    ERROR,
    LAST_WORDS,
    PROGRESS,
    RESULTS,
    RESUME,
    STARTED,
    Server,
)
from surroundings import (  # noqa: F401
    MARK,
    TRAINER_COMMANDS,
    become,
    bind,
    bind_file,
    enter_a_world_of_our_own,
    memory_cgroup,
    mount_read_only,
    mount_private_tmp,
    mount_tmpfs,
    mount_writable,
    processes_with,
    resize_tmpfs,
    role_of,
    unmount,
    wait_until,
)

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
WRAPPER = os.path.join(SOURCE_DIR, "scripts", "run_mpi.py")
TRAINER = os.path.join(SOURCE_DIR, "tests", "support", "scripted_trainer.py")
REPRISE = os.environ.get("REPRISE_BIN", os.path.join(SOURCE_DIR, "build", "dev", "bin", "reprise"))

JOB_ID = 4
ORDINARY_USER = 65534
FOLDERS_IN = None  # where jobs have their folders; None: in /tmp
END_S = 60.0  # a job that has not ended by then hangs
LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (debug|info|warning|error) (launcher|rank|rank \d+): "
)

# What is trained, in the five files of the default profile.
TEMPLATES = {
    "reward_config": {"normalization_constant": 3.0, "rtt_cap": -0.2, "smash": False},
    "hysr_config": {
        "robot_position": [0.0, 0.0, 1.21],
        "graphics": True,
        "xterms": True,
        "world_boundaries": {"min": [0.0, -1.0, 0.17], "max": [1.6, 3.5, 1.5]},
    },
    "pam_config": {"segment_id": "pam"},
    "rl_config": {
        "num_timesteps": 1000,
        "n_steps": 500,
        "learning_rate": 0.00015,
        "load_path": "",
        "save_path": "/tmp/model",
        "log_path": "/tmp/training_log",
    },
    "rl_common_config": {"algorithm": "ppo", "random_seed": None},
}


def reward_of(run, iteration):
    """The same formula as in the scripted trainer."""
    return -1.0 + 0.25 * run + 0.5 * iteration


def mean(values):
    return sum(values) / len(values)


class Ended(typing.NamedTuple):
    """How one start of a job ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def log(self):
        return self.stdout + self.stderr


class Start:
    """One start of a job that runs."""

    def __init__(self, job, command, environment, directory):
        self._job = job
        self._files = [tempfile.TemporaryFile(dir=job.folder) for _ in range(2)]
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
        )
        self.pid = self._process.pid

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """The launcher alone."""
        self.signal(signal.SIGKILL)

    def signal_group(self, number):
        """As a terminal does it."""
        os.killpg(self.pid, number)

    @property
    def is_running(self):
        return self._process.poll() is None

    def text(self, which):
        self._files[which].seek(0)
        return self._files[which].read().decode("utf-8", "replace")

    @property
    def stdout(self):
        return self.text(0)

    @property
    def stderr(self):
        return self.text(1)

    def wait(self, limit_s=END_S):
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            tree = "\n".join(map(str, self._job.processes()))
            raise AssertionError(
                f"the job has not ended within {limit_s} s\n{self.stdout}{self.stderr}\n{tree}"
            ) from None
        return Ended(code, self.stdout, self.stderr, time.monotonic() - self._began)

    def close(self):
        if self.is_running:
            self._process.kill()
            self._process.wait()
        for file in self._files:
            file.close()


class Job:
    """A sample in a folder of its own, to be started as often as one likes.

    plan: of the scripted trainer, see there. parameters: names with dots are nested.
    """

    def __init__(self, plan=None, server=None, parameters=None):
        self.folder = tempfile.mkdtemp(prefix="reprise-system-", dir=FOLDERS_IN)
        self.mark = uuid.uuid4().hex
        self.server = server
        self.plan = plan or {}
        self.working_dir = os.path.join(self.folder, "out")
        self.wrapper = [sys.executable, "-IS", WRAPPER]
        self.temporary = self._subfolder("tmp")
        self.bin = self._subfolder("bin")
        for name in TRAINER_COMMANDS:
            os.symlink(TRAINER, os.path.join(self.bin, name))
        self.templates = self._write_templates()
        self.parameters = {
            "config": {"config_templates": self.templates},
            "learning_runs_per_job": 3,
            "working_dir": self.working_dir,
            "id": JOB_ID,
        }
        self.set(**(parameters or {}))
        self.environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith(("OMPI_", "PMIX_"))},
            "REPRISE_BIN": REPRISE,
            "PATH": self.bin + os.pathsep + os.environ.get("PATH", os.defpath),
            "TMPDIR": self.temporary,
            MARK: self.mark,
            "SCRIPTED_PLAN": os.path.join(self.folder, "plan.json"),
        }
        self.starts = []

    def _subfolder(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def _write_templates(self):
        folder = self._subfolder("templates")
        main = {}
        for name, content in TEMPLATES.items():
            main[name] = f"{name}_default.json"
            with open(os.path.join(folder, main[name]), "w") as file:
                json.dump(content, file)
        path = os.path.join(folder, "templates.json")
        with open(path, "w") as file:
            json.dump(main, file)
        return path

    def set(self, **parameters):
        """Sets parameters; None removes one."""
        for name, value in parameters.items():
            *groups, last = name.split(".")
            group = self.parameters
            for step in groups:
                group = group.setdefault(step, {})
            if value is None:
                group.pop(last, None)
            else:
                group[last] = value

    def arguments(self):
        if self.server is None:
            path = os.path.join(self.folder, "settings.json")
            with open(path, "w") as file:
                json.dump(self.parameters, file)
            return [path]
        return [
            f"--job-id={JOB_ID}",
            f"--cluster-utils-server={self.server.address}",
            "--parameter-dict",
            repr(self.parameters),
        ]

    def start(self, *more, arguments=None, directory=None):
        with open(self.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(self.plan, file)
        given = self.arguments() if arguments is None else arguments
        start = Start(
            self,
            [*self.wrapper, *given, *more],
            self.environment,
            directory or self.folder,
        )
        self.starts.append(start)
        return start

    def run(self, *more, **options):
        return self.start(*more, **options).wait()

    # What it leaves behind

    def path(self, *names):
        return os.path.join(self.working_dir, *names)

    @property
    def directories(self):
        return sorted(name for name in os.listdir(self.working_dir) if name.startswith("run_"))

    def facts(self, directory):
        return read_json(self.path(directory, "facts.json"))

    @property
    def results_path(self):
        return self.path("results.h5")

    @property
    def attempts(self):
        """The rows of the results file, in the order in which the attempts ended."""
        return read_rows(self.results_path, "attempts")

    @property
    def start_rows(self):
        return read_rows(self.results_path, "starts")

    def attempt(self, name):
        return next(row for row in self.attempts if row["name"] == name)

    # What it does

    def gate(self, name="gate"):
        """The path for a plan's "gate"."""
        return os.path.join(self.folder, name)

    def open_gate(self, name="gate"):
        open(self.gate(name), "w").close()

    def wait_for_training(self, *directories):
        """Until these learners have written what they write before their gate."""
        for directory in directories:
            self.wait_for_file(self.path(directory, "trained"))

    def wait_for_file(self, path):
        start = self.starts[-1]
        wait_until(
            lambda: os.path.exists(path) or not start.is_running,
            f"'{path}'",
            state=lambda: start.stdout + start.stderr,
        )
        if not os.path.exists(path):
            raise AssertionError(f"the job ended without '{path}'\n{start.stdout}{start.stderr}")

    def processes(self):
        return processes_with(self.mark)

    def find(self, role, directory=None):
        """The one process of the job that is 'mpirun', 'rank N', 'helper', or one of the trainer's
        commands; of the attempt in that directory."""
        found = [p for p in self.processes() if role_of(p) == role]
        if directory is not None:
            found = [p for p in found if p.directory == self.path(directory)]
        if len(found) != 1:
            shown = "\n".join(map(str, self.processes()))
            raise AssertionError(f"{len(found)} processes are {role}:\n{shown}")
        return found[0]

    def kill(self, role, directory=None):
        os.kill(self.find(role, directory).pid, signal.SIGKILL)

    def kill_all(self):
        """kill -9 to all that is left; returns what there was."""
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        return processes

    def remnants(self):
        """What should not be there any more: processes and files."""
        found = [f"process {process}" for process in self.processes()]
        for folder in ("/dev/shm", self.temporary):
            found += [f"{folder}/{name}" for name in os.listdir(folder)]
        found += [
            f"/tmp/{name}" for name in os.listdir("/tmp") if re.match(r"reprise\.\w{6}$", name)
        ]
        return found

    def close(self):
        for start in self.starts:
            start.close()
        wait_until(lambda: not self.kill_all(), "the end of what was killed")
        for name in os.listdir("/dev/shm"):
            shutil.rmtree(os.path.join("/dev/shm", name), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def kill_at_once(pids):
    """At one moment, as far as that is possible: who is stopped cannot act."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it died with the one before it
            os.kill(pid, signal.SIGKILL)


class SystemTest(unittest.TestCase):
    """Jobs and servers that are cleared away, and the look around after each test."""

    maxDiff = None

    def server(self, address="127.0.0.1"):
        server = Server(address)
        self.addCleanup(server.close)
        return server

    def job(self, plan=None, server=None, **parameters):
        job = Job(plan, server, parameters)
        self.addCleanup(job.close)
        self.addCleanup(self.check_nothing_is_left, job)  # before the one above
        return job

    def check_nothing_is_left(self, job):
        for start in job.starts:
            if start.is_running:
                return  # the test has failed already
        self.assertEqual(job.remnants(), [], "left behind")

    def assert_ended(self, ended, code):
        self.assertEqual(ended.code, code, f"\n{ended.stdout}{ended.stderr}")

    def assert_last_word(self, server, *names):
        """The messages end with these, and nobody had a last word before."""
        count = len(names)
        self.assertEqual(tuple(server.names[-count:]), names, list(map(str, server.messages)))
        words = [name for name in server.names if name in LAST_WORDS]
        self.assertEqual(len(words), 1, server.names)

    def assert_no_word(self, server):
        """The job was started and may have made progress, but said nothing at its end."""
        self.assertEqual(server.names[0], STARTED)
        self.assertLessEqual(set(server.names), {STARTED, PROGRESS, EARLY_REPORT})

    def assert_mean(self, server, rewards):
        """The one result that was sent."""
        (metrics,) = server.payloads(RESULTS)
        self.assertAlmostEqual(metrics["mean_eprewmean"], mean(rewards), places=12)
        deviations = [(reward - mean(rewards)) ** 2 for reward in rewards]
        self.assertAlmostEqual(metrics["std_eprewmean"], mean(deviations) ** 0.5, places=12)
        return metrics


def _become_ordinary_user(shown):
    """Who needs to see the program and the sources, whoever may enter the folders above them."""
    global REPRISE, SOURCE_DIR, WRAPPER, TRAINER
    mount_tmpfs("/mnt", "mode=755")
    bind(os.path.dirname(os.path.realpath(REPRISE)), "/mnt/bin")
    bind(SOURCE_DIR, "/mnt/source")
    for name, folder in shown.items():
        bind(folder, os.path.join("/mnt", name))
    WRAPPER, TRAINER = ("/mnt/source" + path[len(SOURCE_DIR) :] for path in (WRAPPER, TRAINER))
    REPRISE, SOURCE_DIR = "/mnt/bin/reprise", "/mnt/source"
    for name in ("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)
    os.environ["HOME"] = "/nonexistent"
    become(ORDINARY_USER)


def main(private_tmp=False, ordinary_user=False, shown=None):
    """shown: further folders for the ordinary user, by the names that they get in /mnt."""
    if not os.access(REPRISE, os.X_OK):
        sys.exit(f"there is no program '{REPRISE}'. Build it, or set REPRISE_BIN.")
    # Background jobs of a shell without job control, and all below them, ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    enter_a_world_of_our_own()
    if private_tmp:
        mount_private_tmp(SOURCE_DIR)
    if ordinary_user:
        _become_ordinary_user(shown or {})
    unittest.main(verbosity=2)
