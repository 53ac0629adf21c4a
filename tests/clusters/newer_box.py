"""Programs that stay, in the newer Debian (scripts/newer_debian), and commands beside them."""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
NEWER_DEBIAN = os.path.join(SOURCE_DIR, "scripts", "newer_debian")
USER = 1000  # the ordinary user in there, and its group

_AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
_ENTER = "+sys_admin,+sys_chroot,+sys_ptrace,+dac_override,+setuid,+setgid"
# Before a command: it runs as the ordinary user, who may join the box all the same.
ALMOST_USER = (*_AS_USER, "--inh-caps", _ENTER, "--ambient-caps", _ENTER)

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_UP_LOOPBACK_RUNNING = 0x49


def enter_a_network_of_our_own():
    """Goes on with a loopback interface of its own and no other: ports are nobody else's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare of the network")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", _UP_LOOPBACK_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


class Box:
    """Runs `command` there, as root; others join it. When it ends, or close() is called, or this
    process dies, everything in its namespaces is gone.

    shares: folders that are the same inside and outside. log: path for the command's output.
    """

    def __init__(self, command, shares, log):
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                [NEWER_DEBIAN, "run", *command],
                env={**os.environ, "NEWER_DEBIAN_SHARES": os.pathsep.join(shares)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def is_running(self):
        return self._process.poll() is None

    def first_process(self):
        """Of its namespaces; None while it is not there yet."""
        with open(f"/proc/{self._process.pid}/comm") as file:
            if file.read() != "unshare\n":  # it is a shell before
                return None
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
            children = file.read().split()
        return int(children[0]) if children else None

    def entry(self, user=True):
        """The words to be followed by a folder and a command, which then runs in there. They work
        for root, and after ALMOST_USER."""
        return [
            *("nsenter", "-t", str(self.first_process()), "--all"),
            *((*_AS_USER, "--ambient-caps=-all") if user else ()),
            *("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh"),
        ]

    def close(self):
        self._process.kill()
        self._process.wait()
