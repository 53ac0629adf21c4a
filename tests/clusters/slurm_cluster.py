#!/usr/bin/env python3
"""A real Slurm for tests: munged, mariadbd, slurmdbd, slurmctld and a slurmd for each node.

    python3 tests/clusters/slurm_cluster.py [OPTION...] -- COMMAND...

starts it in a few seconds, runs COMMAND with SLURM_CONF and what else jobs need in its environment,
stops everything and ends with COMMAND's exit code. As root. Options:

    --nodes=N           nodes node1 … nodeN (3)
    --cpus=N            CPUs of each, however many the machine has (4)
    --mpi-default=TYPE  MpiDefault of slurm.conf (none)
    --line=LINE         one more line for slurm.conf; may be given several times
    --keep-logs=FOLDER  copies the daemons' logs there at the end

COMMAND may be `bash`: the daemons are then there as long as the shell. From a program:

    surroundings.enter_a_world_of_our_own()
    with SlurmCluster(nodes=2) as slurm:
        subprocess.run(["sbatch", …], env={**os.environ, **slurm.environment})
        slurm.kill_node("node1"), slurm.start_node("node1")

Nothing is left, whoever is killed: all runs in namespaces of processes and mounts whose first
process dies with the one that started it, and all files lie in a tmpfs of these namespaces,
`slurm.folder`, which all nodes see as their shared file system ($SLURM_TEST_FOLDER). Each node has
its own hostname, process numbers and /dev/shm, so killing its first process ends it as a power cut
does. All use the network of the machine: daemons listen on 127.0.0.1 only, at free ports.

Partitions: main (default); low, whose jobs are requeued when a job of high needs their place;
polite, whose jobs get TERM then and have 60 s to leave; victim, whose jobs are cancelled. What is
requeued starts again after 5 s.

The programs of another Slurm: SLURM_TEST_PREFIX is put in front of every command (for example
"chroot /root/of/newer/debian"; `slurm.folder` must be visible in there under the same path), and
SLURM_TEST_PATH is where they are looked up first.
"""

import argparse
import contextlib
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import slurm_cgroups  # noqa: E402

import surroundings  # noqa: E402

START_LIMIT_S = 60.0
# Folders of every Linux system in which a tmpfs of ours hides nothing that a test could need. The
# path must be short: Slurm puts sockets into it, whose names may have 108 characters.
PLACES = ("/srv", "/media", "/mnt")

# For slurm.conf: a lost node is noticed after 17 s. Otherwise Slurm's daemons have the time that a
# busy machine may take.
QUICK_LOSS = "MessageTimeout=5\nSlurmdTimeout=5"
SLURM_CONF = """\
ClusterName=reprise
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# cred_expire: so many seconds a requeued job waits. (120, if nothing or less than 5 is said.)
AuthInfo=socket={folder}/munge/socket,cred_expire={cred_expire}
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting_port}
AccountingStoragePass={folder}/munge/socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/%n
TmpFS={folder}/tmp/%n
ProctrackType=proctrack/{proctrack}
TaskPlugin={task_plugin}
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault={mpi_default}
PropagateResourceLimits=NONE
SlurmctldTimeout=30
SlurmdTimeout=60
MessageTimeout=10
KillWait=5
InactiveLimit=0
MinJobAge=600
ReturnToService=2
JobRequeue=1
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=5,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=5 PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=polite Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE\
 GraceTime=60
PartitionName=victim Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=CANCEL
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9 PreemptMode=OFF
{lines}
"""

SLURMDBD_CONF = """\
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounting_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct
LogFile={folder}/log/slurmdbd
PidFile={folder}/slurmdbd.pid
"""

DATABASE_CNF = """\
[mariadbd]
user=root
datadir={folder}/database
tmpdir={folder}/database.tmp
socket={folder}/database.socket
pid-file={folder}/database.pid
bind-address=127.0.0.1
port={database_port}
innodb_buffer_pool_size=32M
innodb_log_file_size=8M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
performance_schema=OFF
skip-name-resolve
"""

DATABASE_SQL = """\
CREATE DATABASE slurm_acct;
CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';
GRANT ALL ON slurm_acct.* TO slurm@'127.0.0.1';
"""

# What is process 1 of a node: it reaps whatever loses its parent there.
NODE = """\
hostname "$1" && mount -t tmpfs tmpfs /dev/shm || exit 1
shift
"$@" &
while kill -0 $! 2>/dev/null; do wait; done
while :; do sleep 1; wait -n; done
"""


class SlurmError(Exception):
    pass


def free_ports(count):
    """Ports nobody listens on; they are all held until the last one is found. None of those that
    the kernel hands out: it could give one away before our daemon comes to it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, last = map(int, file.read().split())
    others = [port for port in range(10000, 65536) if not first <= port <= last]
    ports = []
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(others, len(others)):
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise SlurmError(f"no {count} ports are free.")


def programs_environment():
    """PATH with the folders of daemons, and of another Slurm first."""
    folders = [os.environ.get("SLURM_TEST_PATH"), os.environ.get("PATH", os.defpath)]
    return os.pathsep.join([*filter(None, folders), "/usr/sbin", "/sbin"])


class SlurmCluster:
    """See above. lines: of slurm.conf, at its end. cred_expire: see there. task_plugin: such as
    task/affinity, which binds steps to CPUs; `cpus` must be those of the machine then. cgroups:
    proctrack/cgroup and task/cgroup, as most sites have it (see slurm_cgroups.py); the nodes have
    other names then, and `cpus` must be the machine's, too."""

    def __init__(
        self,
        nodes=3,
        cpus=4,
        mpi_default="none",
        lines=(),
        cred_expire=5,
        task_plugin="task/none",
        cgroups=False,
    ):
        self.cgroups = slurm_cgroups.SlurmCgroups() if cgroups else None
        # The cgroups of a node have its name, and all clusters of the machine share them.
        prefix = self.cgroups.node_prefix if cgroups else "node"
        self.nodes = [f"{prefix}{number}" for number in range(1, nodes + 1)]
        self.cpus = cpus
        self.mpi_default = mpi_default
        self.lines = list(lines)
        self.cred_expire = cred_expire
        self.task_plugin = task_plugin
        self.prefix = shlex.split(os.environ.get("SLURM_TEST_PREFIX", ""))
        self.folder = None
        self.environment = {"PATH": programs_environment()}
        self._daemons = {}  # name → process, in the order of their start

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # What tests do with it

    def run(self, *words, check=True, **options):
        """A command of Slurm (or another one) in the environment of the cluster; its output."""
        done = subprocess.run(
            [*self.prefix, *words],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_LIMIT_S,
            **options,
        )
        if check and done.returncode != 0:
            raise SlurmError(f"{' '.join(words)}: exit code {done.returncode}: {done.stdout}")
        return done.stdout

    def kill_node(self, name):
        """As if its power failed: slurmd, slurmstepds and the jobs' processes are gone at once.
        Slurm notices after a minute and more, with QUICK_LOSS 17 s later."""
        self._kill(self._daemons.pop(name))

    def notice_loss(self, name):
        """Slurm does with its jobs now what it would do by itself some time after kill_node()."""
        self.run("scontrol", "update", f"nodename={name}", "state=down", "reason=lost")

    def kill_slurmd(self, name):
        """Only the daemon: its jobs' processes go on while Slurm takes the node for lost."""
        for pid in self.processes_of(name):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
                if file.read() == "slurmd\n":
                    os.kill(pid, signal.SIGKILL)

    def processes_of(self, name):
        """The process numbers, as seen from here, of all that runs on a node."""
        space = os.readlink(f"/proc/{self._first_process(name)}/ns/pid")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/pid") == space:
                    found.append(int(pid))
        return found

    def shared_memory_of(self, name):
        """What lies in /dev/shm of a node that runs."""
        return os.listdir(f"/proc/{self._first_process(name)}/root/dev/shm")

    def start_node(self, name, wait=True):
        """Again, after kill_node()."""
        self._start_node(name)
        if wait:
            self._wait_for_nodes([name])

    def job_state(self, job):
        """Such as PENDING, RUNNING, COMPLETED, as the controller has it."""
        return self.job_field(job, "JobState")

    def job_field(self, job, field):
        for word in self.run("scontrol", "show", "job", "--oneliner", str(job)).split():
            name, _, value = word.partition("=")
            if name == field:
                return value
        return None

    # Start

    def start(self):
        if os.geteuid() != 0:
            raise SlurmError("Slurm's daemons are started by root only. Run this as root.")
        self._make_folders()
        ports = free_ports(3 + len(self.nodes))
        values = {
            "host": socket.gethostname().split(".")[0],
            "folder": self.folder,
            "controller_port": ports[0],
            "accounting_port": ports[1],
            "database_port": ports[2],
            "cred_expire": self.cred_expire,
            "mpi_default": self.mpi_default,
            "task_plugin": "task/cgroup" if self.cgroups else self.task_plugin,
            "proctrack": "cgroup" if self.cgroups else "linuxproc",
            "lines": "\n".join(self.lines),
            "nodes": "\n".join(
                f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port}"
                f" CPUs={self.cpus} RealMemory=8000 State=UNKNOWN"
                for name, port in zip(self.nodes, ports[3:])
            ),
        }
        self._write("etc/slurm.conf", SLURM_CONF.format(**values))
        self._write("etc/slurmdbd.conf", SLURMDBD_CONF.format(**values))
        self._write("etc/database.cnf", DATABASE_CNF.format(**values))
        self._write("etc/cgroup.conf", self._cgroup_settings())
        self._name_nodes(values["host"])
        self.environment = {
            "SLURM_CONF": self._path("etc/slurm.conf"),
            "SLURM_TEST_FOLDER": self.folder,
            "PATH": programs_environment(),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }
        self._start_munge()
        self._start_database()
        self._start_slurm()

    def _cgroup_settings(self):
        if self.cgroups:
            self.cgroups.make(self.nodes)
            return slurm_cgroups.SETTINGS
        # Nothing is done by cgroups; only newer ones can be told so, and have to.
        return "CgroupPlugin=disabled\n" if self._version() >= (23, 11) else ""

    def _version(self):
        """Of Slurm: (22, 5) for 22.05."""
        return tuple(map(int, self.run("slurmctld", "-V").split()[1].split(".")[:2]))

    def _path(self, *names):
        return os.path.join(self.folder, *names)

    def _write(self, name, text):
        with open(self._path(name), "w") as file:
            os.chmod(file.name, 0o600 if "dbd" in name else 0o644)
            file.write(text)

    def _make_folders(self):
        place = next((p for p in PLACES if os.path.isdir(p) and not os.path.ismount(p)), None)
        if place is None:
            raise SlurmError(f"none of {', '.join(PLACES)} is a folder to mount a tmpfs on.")
        surroundings.mount_tmpfs(place, "size=4g,mode=755")
        self.folder = place
        folders = ("munge", "etc", "state", "spool", "log", "tmp", "database", "database.tmp")
        for name in folders:
            os.mkdir(self._path(name))
        for name in self.nodes:
            os.mkdir(self._path("tmp", name))
            os.mkdir(self._path("spool", name))

    def _name_nodes(self, host):
        """Every node's name is known in these namespaces, and only in them."""
        names = " ".join(["localhost", host, *self.nodes])
        self._write("etc/hosts", f"127.0.0.1 {names}\n")
        subprocess.run(["mount", "--bind", self._path("etc/hosts"), "/etc/hosts"], check=True)

    def _spawn(self, name, *words):
        """A daemon in the foreground; its output goes to a file."""
        with open(self._path("log", f"{name}.out"), "ab") as output:
            self._daemons[name] = subprocess.Popen(
                [*words],
                env={**os.environ, **self.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait(self, what, condition, *daemons):
        """condition() is true, or raises SlurmError as long as there is nothing to ask."""
        deadline = time.monotonic() + START_LIMIT_S
        last = None
        while True:
            with contextlib.suppress(SlurmError):
                last = condition()
                if last:
                    return
            for name in daemons:
                code = self._daemons[name].poll()
                if code is not None:
                    raise SlurmError(f"{name} ended with {code}\n{self.logs()}")
            if time.monotonic() > deadline:
                raise SlurmError(f"no {what} after {START_LIMIT_S} s ({last})\n{self.logs()}")
            time.sleep(0.03)

    def _works(self, *words):
        self.run(*words)
        return True

    def _start_munge(self):
        key = self._path("munge", "key")
        with open(key, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(os.urandom(1024))
        words = [f"--{name}={self._path('munge', name)}" for name in ("socket", "pid-file")]
        words += [f"--seed-file={self._path('munge', 'seed')}", f"--key-file={key}"]
        log = f"--log-file={self._path('log', 'munged')}"
        self._spawn("munged", *self.prefix, "munged", "-F", *words, log)
        ask = ("munge", "--no-input", f"--socket={self._path('munge', 'socket')}")
        self._wait("munge", lambda: self._works(*ask), "munged")

    def _start_database(self):
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={self._path('database')}",
            # In /tmp its files would be named after a process number, which is no one's alone.
            f"--tmpdir={self._path('database.tmp')}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
        )
        settings = f"--defaults-file={self._path('etc/database.cnf')}"
        self._spawn("mariadbd", *self.prefix, "mariadbd", settings)
        client = ["mariadb", "--no-defaults", f"--socket={self._path('database.socket')}"]
        client += ["--user=root", "-e"]
        self._wait("database", lambda: self._works(*client, "SELECT 1"), "mariadbd")
        self.run(*client, DATABASE_SQL)

    def _start_slurm(self):
        self._spawn("slurmdbd", *self.prefix, "slurmdbd", "-D")
        add = ("sacctmgr", "--immediate", "add", "cluster", "reprise")
        self._wait("accounting", lambda: self._works(*add), "slurmdbd")
        self._spawn("slurmctld", *self.prefix, "slurmctld", "-D")
        for name in self.nodes:
            self._start_node(name)
        self._wait_for_nodes(self.nodes)

    def _start_node(self, name):
        spaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--uts"]
        node = ["bash", "-c", NODE, "node", name, *self.prefix, "slurmd", "-D", "-N", name]
        self._spawn(name, *spaces, *node)

    def _wait_for_nodes(self, names):
        def are_idle():
            words = ("sinfo", "--noheader", "--Node", "--format=%N %T", "-p", "main")
            lines = [line.split() for line in self.run(*words).splitlines()]
            idle = {line[0] for line in lines if line[1] in ("idle", "mixed", "allocated")}
            return idle >= set(names)

        self._wait(", ".join(names), are_idle, "slurmctld", *names)

    # End

    def _first_process(self, name):
        """Of a node: the only child of unshare."""
        if name not in self._daemons:
            raise SlurmError(f"{name} does not run")
        pid = self._daemons[name].pid
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError):
            raise SlurmError(f"{name} does not run") from None

    def _kill(self, daemon):
        daemon.kill()
        daemon.wait()

    def stop(self):
        """Everything at once: nothing of it is needed any more, and nothing writes to a disk."""
        while self._daemons:
            _, daemon = self._daemons.popitem()
            self._kill(daemon)
        if self.cgroups:
            self.cgroups.remove()
        if self.folder:
            with contextlib.suppress(OSError):
                surroundings.unmount("/etc/hosts")
            surroundings.unmount(self.folder)
            self.folder = None

    def logs(self, lines=30):
        """The ends of the daemons' logs, for messages."""
        text = []
        folder = self._path("log")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), errors="replace") as file:
                end = file.readlines()[-lines:]
            if end:
                text += [f"--- {name}\n", *end]
        return "".join(text)

    def keep_logs(self, folder):
        shutil.copytree(self._path("log"), folder, dirs_exist_ok=True)
        shutil.copy(self._path("etc/slurm.conf"), folder)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--mpi-default", default="none")
    parser.add_argument("--line", action="append", default=[])
    parser.add_argument("--keep-logs")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    surroundings.enter_a_world_of_our_own()
    try:
        with SlurmCluster(given.nodes, given.cpus, given.mpi_default, given.line) as slurm:
            try:
                code = subprocess.call(given.command, env={**os.environ, **slurm.environment})
            finally:
                if given.keep_logs:
                    slurm.keep_logs(given.keep_logs)
    except SlurmError as error:
        sys.exit(f"slurm_cluster: {error}")
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
