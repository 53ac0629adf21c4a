#!/usr/bin/python3 -B
"""The memory limit of a run in cgroups of version 2, enforced by a real kernel.

Most machines have the memory controller either in version 1 or in version 2, and give a container
of CI neither. So this test brings a kernel: User Mode Linux, which is a program (linux.uml of the
package user-mode-linux). It sees this machine's files, read-only; its first process is this file
again, which mounts what is missing and runs the tests below. Jobs are put into a cgroup of their
own, as a batch system does it.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import unittest

import support

KERNEL = "linux.uml"
MEMORY_MB = 1200
ALL_IS_WELL = "cgroup2_test: every test of the inside has passed"
TREE = "/sys/fs/cgroup"
ONE_RUN = {"learning_runs_per_job": 1, "max_attempts": 1, "runner.container": "none"}
MEMORY = "runner.memory_limit_mb"
NEEDS_MUCH = {"allocates_mb": 300, "hangs": True}
POWER_OFF = 0x4321FEDC
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


class OutsideTest(unittest.TestCase):
    def test_all_of_the_inside(self):
        command = (
            *(KERNEL, f"mem={MEMORY_MB}M", "root=/dev/root", "rootfstype=hostfs", "ro", "quiet"),
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
            timeout=240,
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

    def contained_job(self, plan, **parameters):
        job = self.job(plan, **parameters)
        join = f"echo 0 > '{self.cgroup}/cgroup.procs' && exec \"$@\""
        job.wrapper = ["/bin/sh", "-c", join, "sh", *job.wrapper]
        return job

    def children(self):
        return [entry.name for entry in os.scandir(self.cgroup) if entry.is_dir()]

    def run_cgroups(self):
        return [name for name in os.listdir(self.cgroup) if name.startswith("reprise.run.")]

    def assert_watched(self, ended, watched=True):
        count = ended.stderr.count("the use of memory is looked at")
        self.assertEqual(count, int(watched), ended.log)

    def assert_dies_of(self, plan, **parameters):
        job = self.contained_job({"*": plan}, **{**ONE_RUN, MEMORY: 100, **parameters})
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertIn("100 MiB (runner.memory_limit_mb)", ended.stderr)
        (row,) = job.attempts
        self.assertEqual(row["outcome"], "out_of_memory", ended.log)
        return ended, row

    def test_the_kernel_holds_a_training_to_its_limit(self):
        ended, row = self.assert_dies_of(NEEDS_MUCH, **{"runner.container": "bubblewrap"})
        self.assert_watched(ended, False)
        self.assertEqual(row["signal"], signal.SIGKILL)
        self.assertAlmostEqual(row["peak_memory_mb"], 100, delta=5)
        self.assertEqual(self.children(), [])

    def test_all_processes_of_a_training_count(self):
        ended, _ = self.assert_dies_of(
            {"worker_allocates_mb": 70, "allocates_mb": 70, "hangs": True}
        )
        self.assert_watched(ended, False)

    def test_runs_side_by_side_and_a_rank_that_is_killed(self):
        job = self.contained_job({}, learning_runs_per_job=2, **{MEMORY: 150})
        job.plan["*"] = {"allocates_mb": 30, "gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0", "run_1.0-0")
        runs = self.run_cgroups()
        self.assertEqual(len(runs), 2)
        for name in runs:
            limit = read(os.path.join(self.cgroup, name, "memory.max"))
            self.assertEqual(int(limit), 150 << 20)
        self.assertEqual(read(os.path.join(self.cgroup, "cgroup.procs")), "")
        job.kill("rank 1")
        self.assert_ended(start.wait(), 3)
        self.assertEqual(self.children(), [])
        job.open_gate()
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assert_watched(ended, False)
        self.assertEqual(self.children(), [])
        for row in job.attempts:
            if row["outcome"] == "succeeded":
                self.assertGreater(row["peak_memory_mb"], 30)

    def test_a_job_that_has_too_little_is_told_from_a_run(self):
        """The limit of the run is never reached, that of the batch system is."""
        write(os.path.join(self.cgroup, "memory.max"), str(160 << 20))
        plan = {"allocates_mb": 300}
        job = self.contained_job({"*": plan}, **ONE_RUN, **{MEMORY: 500})
        ended = job.run()
        self.assert_ended(ended, 1)
        (row,) = job.attempts
        self.assertEqual(row["outcome"], "out_of_memory")
        self.assertIn("the job or its host had none left", row["message"])

    def test_without_the_controller_memory_is_watched(self):
        write(os.path.join(TREE, "cgroup.subtree_control"), "-memory")
        self.addCleanup(write, os.path.join(TREE, "cgroup.subtree_control"), "+memory")
        ended, _ = self.assert_dies_of(NEEDS_MUCH)
        self.assert_watched(ended)
        self.assertIn("no memory cgroups here", ended.stderr)


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
        unittest.main(argv=[sys.argv[0], "OutsideTest"], verbosity=2)
