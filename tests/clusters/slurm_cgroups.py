"""The cgroups of a Slurm of tests (slurm_cluster.py), of version 1: Slurm 22.05 knows version 2
only where systemd hands it a part of the tree.

Each node has a cgroup of its name below every controller's root, and Slurm leaves it there when it
ends. So the nodes' names are made here, and the cgroups before Slurm does: they are locked as long
as their cluster is there. Those of a cluster that was killed are empty, as its processes ended with
it, and the next one removes them.
"""

import contextlib
import fcntl
import os
import secrets
import time

ROOT = "/sys/fs/cgroup"
CONTROLLERS = ("freezer", "cpuset", "memory")
PREFIX = "slurm_reprise-"

SETTINGS = f"""\
CgroupMountpoint={ROOT}
CgroupPlugin=cgroup/v1
ConstrainCores=yes
ConstrainRAMSpace=yes
"""


def are_here():
    """Whether root may make cgroups of version 1, for all that Slurm wants them for."""
    return all(os.path.exists(f"{ROOT}/{name}/release_agent") for name in CONTROLLERS)


class SlurmCgroups:
    def __init__(self):
        self.node_prefix = f"{PREFIX.removeprefix('slurm_')}{secrets.token_hex(4)}-"
        self._held = []  # descriptors of locked cgroups

    def make(self, nodes):
        for controller in CONTROLLERS:
            remove_stale(f"{ROOT}/{controller}")
            for node in nodes:
                path = f"{ROOT}/{controller}/slurm_{node}"
                os.mkdir(path)
                self._held.append(os.open(path, os.O_RDONLY))
                fcntl.flock(self._held[-1], fcntl.LOCK_EX)

    def remove(self):
        """Once no process of the nodes is left, which may take a moment."""
        while self._held:
            os.close(self._held.pop())
        for controller in CONTROLLERS:
            for path in find(f"{ROOT}/{controller}", f"slurm_{self.node_prefix}"):
                remove_tree(path, limit_s=5.0)

    def of_jobs(self):
        """Of every job and step that Slurm has not removed yet."""
        return [
            folder
            for controller in CONTROLLERS
            for path in find(f"{ROOT}/{controller}", f"slurm_{self.node_prefix}")
            for folder, _, _ in os.walk(path)
            if "/job_" in folder
        ]


def find(folder, prefix):
    return [f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(prefix)]


def remove_stale(folder):
    for path in find(folder, PREFIX):
        with contextlib.suppress(OSError):  # it is in use, or somebody else has removed it
            held = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(path)
            finally:
                os.close(held)


def remove_tree(path, limit_s=0.0):
    deadline = time.monotonic() + limit_s
    for folder, _, _ in os.walk(path, topdown=False):
        while True:
            try:
                os.rmdir(folder)
                break
            except FileNotFoundError:
                break
            except OSError:  # a process of it still ends
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
