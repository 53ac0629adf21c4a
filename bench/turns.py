"""Commands that share out the time: one at a time goes on, while the others are frozen."""
import contextlib
import os
import select
import signal
import time

FREEZERS = {  # controllers in /proc/self/cgroup: where they may be mounted, and of which version
    "freezer": [("/sys/fs/cgroup/freezer", 1)],
    "": [("/sys/fs/cgroup", 2), ("/sys/fs/cgroup/unified", 2)],
}


def home():
    """Folder below which a group can be made that can be frozen, and its version; or None."""
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            for mount, version in FREEZERS.get(controllers, []):
                folder = mount + path.rstrip("/")
                if os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
                    return folder, version
    return None


def possible():
    return home() is not None


class Group:
    """A control group with all processes of one command."""

    def __init__(self, name):
        folder, self.version = home()
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def inside(self, command):
        """A command that does the same in this group."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', self.path("cgroup.procs"), *command]

    def set_frozen(self, frozen):
        """Returns when all of its processes stand still, or may run again."""
        if self.version == 2:
            order, place, sign = "cgroup.freeze", "cgroup.events", "frozen %d" % frozen
        else:
            order = place = "freezer.state"
            sign = "FROZEN" if frozen else "THAWED"
        with open(self.path(order), "w") as file:
            file.write(sign[-1] if self.version == 2 else sign)
        while True:
            with open(self.path(place)) as file:
                if sign in file.read():
                    return
            time.sleep(0.0002)

    def remove(self):
        """With all that runs in it."""
        with open(self.path("cgroup.procs")) as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
        self.set_frozen(False)
        while os.path.exists(self.folder):
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)
            time.sleep(0.01)


class Turns:
    """Commands by name. Use it in a `with`, which kills what is left."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.groups = {}
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for group in self.groups.values():
            group.remove()

    def add(self, name, start):
        """`start` is given what makes a command one of a frozen group, and starts a process."""
        group = Group("turns-%d-%d" % (os.getpid(), len(self.groups)))
        self.groups[name] = group
        group.set_frozen(True)
        self.processes[name] = start(group.inside)

    def play(self):
        """Until all have ended. Seconds that each was let run for; processes, not waited for."""
        walls = dict.fromkeys(self.groups, 0.0)
        running = {name: os.pidfd_open(process.pid) for name, process in self.processes.items()}
        while running:
            for name, fd in list(running.items()):
                start = time.monotonic()
                self.groups[name].set_frozen(False)
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                if poll.poll(self.seconds * 1000):
                    os.close(running.pop(name))
                else:
                    self.groups[name].set_frozen(True)
                walls[name] += time.monotonic() - start
        return walls, self.processes
