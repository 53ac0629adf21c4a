#!/usr/bin/python3 -B
"""The memory limit of a run in cgroups of version 2, enforced by a real kernel.

Most machines have the memory controller either in version 1 or in version 2, and give a container
of CI neither. So this test brings a kernel: User Mode Linux, which is a program (linux.uml of the
package user-mode-linux). It sees this machine's files, read-only; its first process is this file
again, which mounts what is missing and runs the tests below. Jobs are put into a cgroup of their
own, as a batch system does it. Everything is slow in there, and slower still beside other tests, so
trainings are shell scripts, and little is started.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import support

KERNEL = "linux.uml"
MEMORY_MB = 800  # a file in the test's own /dev/shm
ALL_IS_WELL = "cgroup2_test: every test of the inside has passed"
TREE = "/sys/fs/cgroup"
MEMORY = "runner.memory_limit_mb"
LIMIT_MB = 60
ONE_RUN = {
    **{"learning_runs_per_job": 1, "max_attempts": 1, "runner.container": "none"},
    **{"learner.backend": [], "learner.stop": [], MEMORY: LIMIT_MB},
}
# tail keeps all that is not a line yet.
TAKES_ALL = "exec tail -n 1 < /dev/zero"
TRAINS = """echo > trained
until [ -e {gate} ]; do sleep 0.1; done
mkdir training_logs
printf 'rollout/ep_rew_mean\\n1\\n' > training_logs/progress.csv"""
PATIENCE_S = 200.0
POWER_OFF = 0x4321FEDC
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def go_first():
    """For each system call of a process inside two of this machine's take turns: a few seconds of
    work, which become minutes where each turn has to wait for other programs."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class OutsideTest(unittest.TestCase):
    def test_all_of_the_inside(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")  # sockets of the kernel's console
        self.addCleanup(folder.cleanup)
        command = (
            *(KERNEL, f"uml_dir={folder.name}", f"mem={MEMORY_MB}M", "quiet"),
            *("root=/dev/root", "rootfstype=hostfs", "ro"),
            *(f"init={os.path.abspath(__file__)}", f"REPRISE_BIN={support.REPRISE}"),
            *("con=null", "con0=null,fd:1"),
        )
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=280,
            preexec_fn=go_first,
        )
        print(ended.stdout)
        self.assertIn(ALL_IS_WELL, ended.stdout)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


class InsideTest(support.SystemTest):
    def setUp(self):
        self.cgroup = os.path.join(TREE, self.id().rpartition(".")[2])
        os.mkdir(self.cgroup)

    def tearDown(self):
        """A job leaves nothing in the cgroup that it was given, so that it can be removed."""
        os.rmdir(self.cgroup)

    def contained_job(self, script, **parameters):
        job = self.job({}, **{**ONE_RUN, **parameters})
        path = os.path.join(job.folder, "learner.sh")
        write(path, "#!/bin/sh\n" + script.replace("{gate}", job.gate()) + "\n")
        os.chmod(path, 0o755)
        job.set(**{"learner.command": ["./learner.sh"]})
        join = f"echo 0 > '{self.cgroup}/cgroup.procs' && exec \"$@\""
        job.wrapper = ["/bin/sh", "-c", join, "sh", support.REPRISE, "job"]
        return job

    def children(self):
        return [entry.name for entry in os.scandir(self.cgroup) if entry.is_dir()]

    def assert_dies(self, script, *words, **parameters):
        job = self.contained_job(script, **parameters)
        ended = job.start().wait(PATIENCE_S)
        self.assert_ended(ended, 1)
        (row,) = job.attempts
        self.assertEqual(row["outcome"], "out_of_memory", ended.log)
        for word in words:
            self.assertIn(word, row["message"])
        self.assertEqual(self.children(), [])
        return ended, row

    def test_the_kernel_holds_a_training_to_its_limit(self):
        words = f"{LIMIT_MB} MiB (runner.memory_limit_mb)"
        ended, row = self.assert_dies(TAKES_ALL, words, **{"runner.container": "bubblewrap"})
        self.assertNotIn("the use of memory is looked at", ended.stderr)
        self.assertEqual(row["signal"], signal.SIGKILL)
        self.assertAlmostEqual(row["peak_memory_mb"], LIMIT_MB, delta=5)

    def test_a_job_that_has_too_little_is_told_from_a_run(self):
        """The limit of the run is never reached, that of the batch system is."""
        write(os.path.join(self.cgroup, "memory.max"), str(100 << 20))
        self.assert_dies(TAKES_ALL, "the job or its host had none left", **{MEMORY: 500})

    def test_a_rank_that_is_killed_and_the_next_start(self):
        job = self.contained_job(TRAINS)
        start = job.start()
        job.wait_for_training("run_0.0-0")
        (run,) = [name for name in self.children() if name.startswith("reprise.run.")]
        limit = read(os.path.join(self.cgroup, run, "memory.max"))
        self.assertEqual(int(limit), LIMIT_MB << 20)
        self.assertEqual(read(os.path.join(self.cgroup, "cgroup.procs")), "")
        job.kill("rank 0")
        self.assert_ended(start.wait(PATIENCE_S), 3)
        self.assertEqual(self.children(), [])
        job.open_gate()
        ended = job.start().wait(PATIENCE_S)
        self.assert_ended(ended, 0)
        self.assertNotIn("the use of memory is looked at", ended.stderr)
        self.assertEqual(self.children(), [])


def bring_the_machine_up():
    """What an init program does."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, place in (
        *(("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/dev/shm"), ("cgroup2", TREE)),
    ):
        os.makedirs(place, exist_ok=True)
        if libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None) != 0:
            sys.exit(f"cannot mount {place}: {os.strerror(ctypes.get_errno())}")
    support.mount_private_tmp(support.SOURCE_DIR)
    socket.sethostname("uml")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    write(os.path.join(TREE, "cgroup.subtree_control"), "+memory")
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.chdir("/tmp")


def run_inside():
    """As process 1 of the kernel, whose end would be a panic."""
    try:
        bring_the_machine_up()
        tests = os.fork()
        if tests == 0:
            support.enter_a_world_of_our_own()
            ran = unittest.main(argv=[sys.argv[0], "InsideTest"], verbosity=2, exit=False)
            sys.stdout.flush()
            os._exit(0 if ran.result.wasSuccessful() else 1)  # not through what ends the kernel
        while True:
            ended, status = os.wait()
            if ended == tests:
                print(ALL_IS_WELL if status == 0 else f"cgroup2_test: inside: {status}")
                break
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).reboot(POWER_OFF)


if __name__ == "__main__":
    if os.getpid() == 1:
        run_inside()
    else:
        support.enter_a_world_of_our_own()  # in which nothing of the kernel is left
        unittest.main(argv=[sys.argv[0], "OutsideTest"], verbosity=2)
