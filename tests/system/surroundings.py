"""The test programs' own namespaces, and the processes of a job in them."""

import ctypes
import os
import signal
import sys
import time
import typing

MARK = "SCRIPTED_MARK"  # in the environment of everything that a job starts
TRAINER_COMMANDS = ("hysr_start_robots", "hysr_one_ball_rl", "hysr_stop")

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_RDONLY = 1
_MS_REMOUNT = 32
_MS_BIND = 4096
_MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)
_MNT_DETACH = 2
_MS_BIND_RECURSIVE = (1 << 12) | (1 << 14)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount_tmpfs(path, options=""):
    """Mounts an empty tmpfs over a folder; for this process and its children only."""
    _call("mount", b"tmpfs", path.encode(), b"tmpfs", 0, options.encode())


def resize_tmpfs(path, size):
    _call("mount", None, path.encode(), None, _MS_REMOUNT, f"size={size}".encode())


def mount_private_tmp(keep):
    """Mounts an empty /tmp in which only the folder `keep` is what it was, if it lay there."""
    kept = os.open(keep, os.O_PATH)
    mount_tmpfs("/tmp", "size=1g")
    if keep.startswith("/tmp/"):
        os.makedirs(keep)
        source = f"/proc/self/fd/{kept}".encode()
        _call("mount", source, keep.encode(), None, _MS_BIND_RECURSIVE, None)
    os.close(kept)


def unmount(path):
    _call("umount2", path.encode(), _MNT_DETACH)


def mount_read_only(path):
    """What is mounted there becomes read-only; for this process and its children only."""
    _call("mount", None, path.encode(), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY, None)


def mount_writable(path):
    _call("mount", None, path.encode(), None, _MS_REMOUNT | _MS_BIND, None)


def memory_cgroup():
    """Where this process's memory is accounted, or None. Version 1 where there are both."""
    with open("/proc/self/cgroup") as file:
        places = [line.rstrip("\n").split(":", 2) for line in file]
    for controllers, mount in (("memory", "/sys/fs/cgroup/memory"), ("", "/sys/fs/cgroup")):
        for _, names, path in places:
            directory = mount + path
            if controllers in names.split(",") and os.path.exists(directory + "/cgroup.procs"):
                return directory
    return None


def become(user):
    """An ordinary user from now on, with the rights of one."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)  # its files in /proc are its own


def bind_file(source, target):
    _call("mount", source.encode(), target.encode(), None, _MS_BIND_RECURSIVE, None)


def bind(source, target):
    os.makedirs(target, exist_ok=True)
    _call("mount", source.encode(), target.encode(), None, _MS_BIND_RECURSIVE, None)


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


def role_of(process):
    argv = process.argv
    names = [os.path.basename(word) for word in argv[:3]]
    if not argv:
        return None
    if names[0] == "reprise" and argv[1] == "job":
        return "launcher"
    if names[0] == "reprise" and argv[1] == "rank":
        variables = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")  # the last one: MPICH
        numbers = [process.environment[name] for name in variables if name in process.environment]
        return "rank " + (numbers or ["0"])[0]
    if names[0] in ("mpirun", "orterun", "prterun", "mpiexec.hydra"):
        return "mpirun"
    if names[0] in ("reprise-run-helper", ".reprise-run-helper"):  # the latter in an image
        return "guardian" if argv[1:2] in (["--guard"], ["--guard-too"]) else "helper"
    return next((name for name in names if name in TRAINER_COMMANDS), None)


def wait_until(condition, what, limit_s=30.0, state=None):
    """Returns what condition() returns once it is true. state() is shown when it never is."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - begin
        if waited_s > limit_s:
            last = value if state is None else state()
            raise AssertionError(f"not within {limit_s} s: {what}; last state: {last}")
        # Ever less often: some conditions start a program or read all of /proc, and who waits long
        # shall not take the time of those for whom it waits.
        time.sleep(min(0.005 + waited_s / 50, 0.1))
