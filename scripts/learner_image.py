#!/usr/bin/python3
"""Makes an image of the learner for scripts/demo --container, and prints its path.

    scripts/learner_image.py

The image is an unpacked directory, build/learner_image: Apptainer takes it as it is. In it are this
machine's Python with the packages that the learner imports, the shared libraries that these need,
and hp_optim in /opt/learner; its runscript puts the learner's commands on PATH and runs what it is
given. It is made anew when a file that was copied into it has changed.

Trainings in it open shared memory of one fixed name, as a real robot's software does: two that
shared a /dev/shm would fail.
"""

import compileall
import contextlib
import fcntl
import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import root_directory

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
VENV = os.path.join(ROOT, ".venv")
LEARNER = os.path.join(ROOT, "hp_optim")
IMAGE = os.path.join(ROOT, "build", "learner_image")
PLACE = "/opt/learner"  # of .venv and hp_optim, which find each other as they do in the project
TOOLS = ("sh", "cat", "dirname", "env", "id", "ls", "readlink", "sleep")
RUNSCRIPT = """#!/bin/sh
export PATH=%s/hp_optim/bin:$PATH
exec "$@"
""" % PLACE
LEFT_OUT = ("test", "tests", "idlelib", "lib2to3", "ensurepip", "config-*", "turtledemo")

# Runs in the learner's Python. Whole packages are copied, so what they import later is there too.
PROBE = """
import importlib, json, os, sys
opened = set()
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.add(os.path.abspath(arguments[0]))
sys.addaudithook(note)
sys.path.insert(0, sys.argv[1])
for file in sorted(os.listdir(sys.argv[1])):
    if file.endswith(".py"):
        importlib.import_module(file[: -len(".py")])
from torch.utils.tensorboard import SummaryWriter
packages = set()
for name in {name.partition(".")[0] for name in sys.modules}:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file and not os.path.basename(file).startswith("__init__."):
        packages.add(file)
    else:
        packages.update(getattr(module, "__path__", ()))
with open("/proc/self/maps") as maps:
    libraries = {line.split()[-1] for line in maps if ".so" in line}
library = os.path.dirname(os.__file__)
json.dump([library, *map(sorted, (packages, opened, libraries))], sys.stdout)
"""


def fail(text):
    raise SystemExit("learner_image: " + text)


def call(*command):
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ended.returncode != 0:
        fail("%s failed (%d):\n%s" % (command[0], ended.returncode, ended.stderr))
    return ended.stdout


def signature(path):
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]


class Image(root_directory.RootDirectory):
    """Filled with files of this machine."""

    def __init__(self, path):
        super().__init__(path)
        self.copied = {}  # path on this machine: its signature

    def inside(self, path):
        """Where a file of this machine lies in the image."""
        path = os.path.normpath(path)
        if path.startswith(ROOT + "/"):
            path = PLACE + path[len(ROOT) :]
        return self.path + path

    def add(self, path):
        """Adds a file or a folder. A link stays one, and what it leads to is added."""
        real = os.path.realpath(path)
        target = self.inside(path)
        if not os.path.exists(real) or os.path.lexists(target):
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.basename(real) != os.path.basename(path) or os.path.islink(path):
            os.symlink(self.inside(real)[len(self.path) :], target)
            self.add(real)
        elif os.path.isdir(real):
            os.mkdir(target)
            for name in sorted(os.listdir(real)):
                if not any(fnmatch.fnmatch(name, pattern) for pattern in LEFT_OUT):
                    self.add(os.path.join(real, name))
        else:
            shutil.copy2(real, target)  # with its time: what Python has compiled stays valid
            self.copied[real] = signature(real)

    def add_libraries(self):
        """The shared libraries of all programs and libraries added so far."""
        programs = [path for path in self.copied if is_elf(path)]
        listed = subprocess.run(  # it fails for static programs, and says so
            ["ldd", *programs], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout
        for library in sorted(set(re.findall(r"(/\S+) \(0x", listed))):
            self.add(library)
        for path in ("/etc/ld.so.conf", "/etc/ld.so.conf.d"):
            self.add(path)
        call("/sbin/ldconfig", "-r", self.path)

    def sign(self, stamp):
        """Writes down what the image was made from."""
        with open(stamp, "w") as file:
            json.dump({"recipe": recipe(), "copied": self.copied}, file)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def make(image):
    python = os.path.join(VENV, "bin", "python")
    probe = call(python, "-s", "-c", PROBE, os.path.join(LEARNER, "table_tennis"))
    library, packages, opened, libraries = json.loads(probe)
    for tool in TOOLS:
        image.add(shutil.which(tool) or fail("there is no '%s' on PATH" % tool))
    interpreter = os.path.realpath(python)
    image.add(interpreter)
    os.makedirs(image.inside(VENV) + "/bin")
    os.symlink(interpreter, image.inside(python))
    image.add(os.path.join(VENV, "pyvenv.cfg"))
    image.add(library)
    for path in packages:
        if not path.startswith((library + "/", LEARNER)):
            image.add(path)
    for path in opened:  # data of packages that lies elsewhere, and what tells their versions
        if path.startswith(("/usr/", "/etc/matplotlib", VENV + "/")):
            image.add(path)
    for path in libraries:
        image.add(path)
    for name in ("bin", "launch", "table_tennis"):
        image.add(os.path.join(LEARNER, name))
    image.add_libraries()
    compileall.compile_dir(image.inside(LEARNER), quiet=1, stripdir=image.path)
    image.write("/.singularity.d/runscript", RUNSCRIPT, 0o755)


def recipe():
    digest = hashlib.sha256(os.fsencode(ROOT))
    for path in (__file__, root_directory.__file__):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_up_to_date(stamp):
    try:
        with open(stamp) as file:
            made = json.load(file)
        return made["recipe"] == recipe() and all(
            signature(path) == what for path, what in made["copied"].items()
        )
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def locked(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main():
    if not os.path.exists(os.path.join(VENV, "complete")):
        fail("there is no %s. Run scripts/setup learner." % VENV)
    os.makedirs(os.path.dirname(IMAGE), exist_ok=True)
    stamp = IMAGE + ".json"
    with locked(IMAGE + ".lock"):
        if not is_up_to_date(stamp):
            print("learner_image: making " + IMAGE, file=sys.stderr, flush=True)
            for path in (IMAGE, IMAGE + ".making"):
                shutil.rmtree(path, ignore_errors=True)
            image = Image(IMAGE + ".making")
            make(image)
            os.rename(image.path, IMAGE)
            image.sign(stamp)
    print(IMAGE)


if __name__ == "__main__":
    main()
