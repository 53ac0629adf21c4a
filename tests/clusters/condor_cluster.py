#!/usr/bin/env python3
"""A real HTCondor for tests: one machine that is everything, in the newer Debian.

    python3 tests/clusters/condor_cluster.py -- COMMAND...

starts it, runs COMMAND with the commands of HTCondor on PATH, stops it and ends with COMMAND's exit
code. As root. COMMAND may be `bash`. From a program:

    surroundings.enter_a_world_of_our_own()
    newer_box.enter_a_network_of_our_own()
    with CondorCluster() as condor:
        condor.call("condor_q")

Nothing is left, whoever is killed: all of it runs in namespaces whose first process dies with the
one that started it, and all files lie in a tmpfs of these namespaces, `condor.folder`, which the
jobs see under the same path.

Jobs belong to an ordinary user. Commands (condor_q, condor_submit, …, and condor_submit_bid, which
only some clusters have) are links in `condor.bin`, which run them in there as that user.
"""

import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
sys.path.insert(0, HERE)

import newer_box  # noqa: E402
import surroundings  # noqa: E402

START_LIMIT_S = 60.0
PLACE = "/srv"  # a folder of every Linux system in which a tmpfs hides nothing that a test needs
COMMANDS = (
    *("condor_history", "condor_hold", "condor_q", "condor_release", "condor_rm", "condor_status"),
    *("condor_submit", "condor_vacate_job", "condor_wait"),
)
CONFIGURATION = """\
LOCAL_DIR = /run/condor
RUN = /run/condor/run
LOCK = /run/condor/lock
LOG = /run/condor/log
SPOOL = /run/condor/spool
EXECUTE = /run/condor/execute
RELEASE_DIR = /usr
BIN = /usr/bin
SBIN = /usr/sbin
LIB = /usr/lib/condor
LIBEXEC = /usr/libexec/condor
SHARE = /usr/share/condor
ETC = /etc/condor
use ROLE : CentralManager
use ROLE : Submit
use ROLE : Execute

# Here only, and nothing of the machine is changed.
CONDOR_HOST = 127.0.0.1
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
ENABLE_IPV6 = False
ENABLE_KERNEL_TUNING = False
MAIL = /bin/true
RUNBENCHMARKS = 0

# Whoever reaches it may do everything: nobody else does.
SEC_DEFAULT_AUTHENTICATION = OPTIONAL
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, CLAIMTOBE
ALLOW_READ = *
ALLOW_WRITE = *
ALLOW_ADMINISTRATOR = *
ALLOW_DAEMON = *
ALLOW_NEGOTIATOR = *

# Larger than the machine, and quick.
NUM_CPUS = {cpus}
MEMORY = {memory_mb}
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
START = True
SUSPEND = False
PREEMPT = False
PERIODIC_EXPR_INTERVAL = 2
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
UPDATE_INTERVAL = 5
SHADOW_QUEUE_UPDATE_INTERVAL = 2
STARTER_UPDATE_INTERVAL = 2
JOB_START_DELAY = 0
"""
# In the box, before HTCondor: $1 is the folder.
START = """
set -e
export CONDOR_CONFIG="$1/condor_config"
for name in . run lock log spool execute; do
    install -d -o condor -g condor -m 755 "/run/condor/$name"
done
exec condor_master -f
"""


class CondorError(RuntimeError):
    pass


class CondorCluster:
    def __init__(self, cpus=8, memory_mb=16000):
        self._settings = {"cpus": cpus, "memory_mb": memory_mb}
        self._box = None
        self._last_error = ""
        self.folder = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        surroundings.mount_tmpfs(PLACE, "size=2g,mode=755")
        self.folder = os.path.join(PLACE, "condor")
        os.mkdir(self.folder)
        self.bin = os.path.join(self.folder, "bin")
        os.mkdir(self.bin)
        with open(self._path("condor_config"), "w") as file:
            file.write(CONFIGURATION.format(**self._settings))
        self._box = newer_box.Box(
            ["bash", "-c", START, "start", self.folder], [self.folder], self._path("box.log")
        )
        surroundings.wait_until(self._box_is_there, "the box", START_LIMIT_S, state=self.logs)
        for name in COMMANDS:
            self._link(name, name + ' "$@"')
        self._link("condor_submit_bid", 'condor_submit "${@:2}"')
        surroundings.wait_until(self._is_up, "HTCondor", START_LIMIT_S, state=self.logs)

    def stop(self):
        if self._box is not None:
            self._box.close()
            self._box = None
            surroundings.unmount(PLACE)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _link(self, name, command):
        path = os.path.join(self.bin, name)
        with open(path, "w") as file:
            file.write(
                f"#!/bin/bash\nexec {shlex.join(self._box.entry())} \"$PWD\""
                f" env CONDOR_CONFIG={self._path('condor_config')} /usr/bin/{command}\n"
            )
        os.chmod(path, 0o755)

    def _box_is_there(self):
        if not self._box.is_running:
            raise AssertionError(f"HTCondor has ended\n{self.logs()}")
        return self._box.first_process()

    def _is_up(self):
        """A slot to run jobs in, and a queue to put them."""
        self._box_is_there()
        try:
            return "slot1" in self.call("condor_status") and self.call("condor_q")
        except CondorError as error:
            self._last_error = str(error)
            return False

    def call(self, *command):
        """Runs a command of HTCondor to its end; returns what it printed."""
        ended = subprocess.run(
            [os.path.join(self.bin, command[0]), *command[1:]],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        if ended.returncode != 0:
            raise CondorError(f"{command} ended with {ended.returncode}: {ended.stdout}")
        return ended.stdout

    def inside(self, *command):
        """Runs a command of the newer Debian beside the daemons, as root."""
        return subprocess.run(
            [*self._box.entry(user=False), "/", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        ).stdout

    def seen_from_here(self, path):
        """A path of its machine, which is not shared."""
        return f"/proc/{self._box.first_process()}/root{path}"

    def logs(self):
        """The ends of the daemons' logs, for messages."""
        with open(self._path("box.log"), errors="replace") as file:
            text = file.read() + self._last_error
        if not self._box.is_running:
            return text
        logs = ("MasterLog", "SchedLog", "StartLog", "ShadowLog", "StarterLog.slot1_1")
        return text + self.inside("tail", "-n", "15", *("/run/condor/log/" + log for log in logs))


def main(arguments):
    if arguments[:1] != ["--"] or len(arguments) < 2:
        sys.exit("condor_cluster.py: give it a command: condor_cluster.py -- COMMAND...")
    surroundings.enter_a_world_of_our_own()
    newer_box.enter_a_network_of_our_own()
    with CondorCluster() as condor:
        path = condor.bin + os.pathsep + os.environ["PATH"]
        environment = {**os.environ, "PATH": path, "CONDOR_TEST_FOLDER": condor.folder}
        return subprocess.call(arguments[1:], env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
