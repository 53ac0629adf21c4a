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
import csv
import ctypes
import io
import json
import os
import pickle
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import typing
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
WRAPPER = os.path.join(SOURCE_DIR, "scripts", "run_mpi.py")
TRAINER = os.path.join(SOURCE_DIR, "tests", "support", "scripted_trainer.py")
TRAINER_COMMANDS = ("hysr_start_robots", "hysr_one_ball_rl", "hysr_stop")
REPRISE = os.environ.get("REPRISE_BIN", os.path.join(SOURCE_DIR, "build", "dev", "bin", "reprise"))

MARK = "SCRIPTED_MARK"
JOB_ID = 4
END_S = 60.0  # a job that has not ended by then hangs
LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (debug|info|warning|error) (launcher|rank|rank \d+): "
)

STARTED = "JOB_STARTED"
ERROR = "ERROR_ENCOUNTERED"
RESULTS = "JOB_SENT_RESULTS"
CONCLUDED = "JOB_CONCLUDED"
RESUME = "EXIT_FOR_RESUME"
PROGRESS = "JOB_PROGRESS_PERCENTAGE"
EARLY_REPORT = "METRIC_EARLY_REPORT"
MESSAGE_NAMES = (STARTED, ERROR, RESULTS, CONCLUDED, RESUME, PROGRESS, EARLY_REPORT)
LAST_WORDS = {ERROR, CONCLUDED, RESUME}

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


def wait_until(condition, what, limit_s=30.0, state=None):
    """Returns what condition() returns once it is true. state() is shown when it never is."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            last = value if state is None else state()
            raise AssertionError(f"not within {limit_s} s: {what}; last state: {last}")
        time.sleep(0.005)


# ---- the surroundings ---------------------------------------------------------------------------

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount_tmpfs(path, options=""):
    """Mounts an empty tmpfs over a folder; for this process and its children only."""
    _call("mount", b"tmpfs", path.encode(), b"tmpfs", 0, options.encode())


def unmount(path):
    _call("umount2", path.encode(), _MNT_DETACH)


def _unshare():
    try:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWPID)
    except PermissionError:
        user, group = os.getuid(), os.getgid()
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {user} 1"),
            ("gid_map", f"0 {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def enter_a_world_of_our_own():
    """Goes on in a child that sees no process but its own and has /dev/shm for itself. What it
    leaves running ends with it, and what it kills is nobody else's."""
    try:
        _unshare()
        first = os.fork()  # PID 1 in there, which inherits orphans
        if first != 0:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call("mount", b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None)
        _call("mount", b"proc", b"/proc", b"proc", 0, None)
        mount_tmpfs("/dev/shm", "size=1g")
    except OSError as error:
        sys.exit(f"the system tests need namespaces of their own ({error}). Run them as root.")
    tests = os.fork()
    if tests == 0:
        return
    while True:
        ended, status = os.wait()
        if ended == tests:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class Process(typing.NamedTuple):
    pid: int
    argv: list
    directory: str
    environment: dict

    def __str__(self):
        return f"{self.pid} in {self.directory}: {' '.join(self.argv)}"


def processes_with(mark):
    """All processes, but zombies, that have the mark in their environment."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                variables = file.read().split(b"\0")
            if wanted not in variables:
                continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                argv = file.read().decode("utf-8", "replace").split("\0")[:-1]
            directory = os.readlink(f"/proc/{name}/cwd")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        pairs = (v.decode("utf-8", "replace").partition("=") for v in variables)
        environment = {name: value for name, _, value in pairs}
        found.append(Process(int(name), argv, directory, environment))
    return found


# ---- the server ---------------------------------------------------------------------------------


class Message(typing.NamedTuple):
    time: float  # seconds since the epoch, by the kernel
    name: str
    job_id: int
    payload: typing.Any  # None for a message without one

    def __str__(self):
        return f"{self.name}{'' if self.payload is None else ' ' + repr(self.payload)}"


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"a message needs {module}.{name}")


_SO_TIMESTAMPNS = 35  # socket(7); Python does not name it


class Server:
    """Takes datagrams as the communication server does and keeps them in the order in which they
    came. The kernel keeps them until somebody asks."""

    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.address = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self._messages = []

    def close(self):
        self._socket.close()

    @property
    def messages(self):
        """All that have come so far."""
        while True:
            try:
                data, extras, _, _ = self._socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return self._messages
            seconds, nanoseconds = struct.unpack("qq", extras[0][2][:16])
            self._messages.append(self._decode(data, seconds + 1e-9 * nanoseconds))

    @staticmethod
    def _decode(data, when):
        number, payload = _PlainUnpickler(io.BytesIO(data)).load()
        assert type(number) is int and 0 <= number < len(MESSAGE_NAMES), number
        assert type(payload) is tuple and 1 <= len(payload) <= 2, payload
        name = MESSAGE_NAMES[number]
        value = payload[1] if len(payload) == 2 else None
        assert (value is None) == (name in (CONCLUDED, RESUME)), payload
        return Message(when, name, payload[0], value)

    @property
    def names(self):
        return [message.name for message in self.messages]

    def payloads(self, name):
        return [message.payload for message in self.messages if message.name == name]

    def forget(self):
        """Starts anew, as for the next start of a job."""
        self.messages.clear()

    def wait_for(self, name, count=1):
        wait_until(
            lambda: self.names.count(name) >= count,
            f"{count} {name}",
            state=lambda: list(map(str, self.messages)),
        )

    @property
    def error_text(self):
        """Of the one error that came."""
        errors = self.payloads(ERROR)
        assert len(errors) == 1, f"{len(errors)} errors among {self.names}"
        assert all(type(line) is str for line in errors[0]), errors[0]
        return "".join(errors[0])


# ---- a job --------------------------------------------------------------------------------------


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
        self.folder = tempfile.mkdtemp(prefix="reprise-system-")
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


def role_of(process):
    argv = process.argv
    names = [os.path.basename(word) for word in argv[:3]]
    if not argv:
        return None
    if names[0] == "reprise" and argv[1] == "job":
        return "launcher"
    if names[0] == "reprise" and argv[1] == "rank":
        return "rank " + process.environment.get("OMPI_COMM_WORLD_RANK", "0")
    if names[0] in ("mpirun", "orterun", "prterun"):
        return "mpirun"
    if names[0] == "reprise-run-helper":
        return "helper"
    return next((name for name in names if name in TRAINER_COMMANDS), None)


def read_json(path):
    with open(path) as file:
        return json.load(file)


def read_csv_row(path):
    """The one row of a file that cluster_utils' client would have written."""
    with open(path, newline="") as file:
        text = file.read()
    lines = text.split("\r\n")
    assert len(lines) == 3 and lines[2] == "", f"'{path}' has {text!r}"
    (row,) = csv.DictReader(io.StringIO(text))
    return row


def read_rows(path, table):
    """The used rows of a table as dictionaries; an outcome is its name, NaN is None."""
    import h5py

    with h5py.File(path, "r") as file:
        dataset = file[table]
        names = {v: k for k, v in h5py.check_enum_dtype(dataset.dtype["outcome"]).items()}
        rows = []
        for values in dataset[:]:
            row = {
                name: value.decode() if isinstance(value, bytes) else value.item()
                for name, value in zip(dataset.dtype.names, values)
            }
            row["outcome"] = names[row["outcome"]]
            if row["outcome"] != "none":
                rows.append({k: None if v != v else v for k, v in row.items()})
    if table == "starts":
        # A start that is written again goes to another row; the highest revision counts.
        latest = {}
        for row in sorted(rows, key=lambda row: row["revision"]):
            latest[row["number"]] = row
        return [latest[number] for number in sorted(latest)]
    for row in rows:
        row["name"] = "run_{learning_run}.{iteration}-{attempt}".format(**row)
        row["name"] += f".part{row['part']}" if row["part"] else ""
    return rows


def curve_names(path):
    import h5py

    with h5py.File(path, "r") as file:
        return sorted(file["curves"])


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


def main():
    if not os.access(REPRISE, os.X_OK):
        sys.exit(f"there is no program '{REPRISE}'. Build it, or set REPRISE_BIN.")
    enter_a_world_of_our_own()
    unittest.main(verbosity=2)
