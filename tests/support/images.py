#!/usr/bin/python3
"""The images of the tests, made with the real Apptainer when they are first asked for.

    tests/support/images.py       makes them all, so that no test has to

trainer_sif(), trainer_folder()    one image, as a file and unpacked. It alone holds the three
    commands of the scripted trainer, in COMMAND_FOLDER, which its runscript puts on PATH, and the
    template TEMPLATE. Python and its standard library are this machine's.
alpine_folder()        musl and a static busybox, no glibc
old_debian_folder()    sh and busybox of an old Debian with their glibc, and nothing else

The last two are unpacked images, too, and run their arguments. All of them know the user root and
nobody else. They lie in build/images (IMAGES_FOLDER says so otherwise) until what they are made
from changes. Whoever asks while another one makes them, waits.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

COMMAND_FOLDER = "/opt/image_bin"
COMMANDS = ("hysr_start_robots", "hysr_one_ball_rl", "hysr_stop")
TEMPLATE = "/opt/mpi-is/pam_models/hill.json"
TEMPLATE_CONTENT = {"segment_id": "hill of the image", "a_init": [0.5, 0.5]}

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(SOURCE_DIR, "scripts"))

import root_directory  # noqa: E402

TRAINER = os.path.join(HERE, "scripted_trainer.py")
FETCH_DEBIAN = os.path.join(SOURCE_DIR, "scripts", "fetch_debian")
FOLDER = os.environ.get("IMAGES_FOLDER", os.path.join(SOURCE_DIR, "build", "images"))

PYTHON = "/usr/bin/python3"
OLD_RELEASES = ("bullseye", "bookworm")  # the first one that the mirror still has
RUN_ARGUMENTS = '#!/bin/sh\nexec "$@"\n'
RUN_ARGUMENTS_WITH_PATH = f'#!/bin/sh\nexport PATH={COMMAND_FOLDER}:$PATH\nexec "$@"\n'
# Of the standard library, what no trainer needs and is large or needs large libraries.
LEFT_OUT = (
    *("config-*", "dist-packages", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data"),
    *("test", "tests", "tkinter", "turtledemo", "LICENSE.txt"),
    *("_curses*.so", "_dbm*.so", "_gdbm*.so", "_hashlib*.so", "_sqlite3*.so", "_ssl*.so"),
    *("_tkinter*.so", "nis*.so", "readline*.so"),
)


def trainer_sif():
    return _made("trainer.sif")


def trainer_folder():
    return _made("trainer")


def alpine_folder():
    return _made("alpine")


def old_debian_folder():
    return _made("old_debian")


def _made(name):
    path = os.path.join(FOLDER, name)
    recipe = _recipe()
    os.makedirs(FOLDER, exist_ok=True)
    with _locked(os.path.join(FOLDER, "lock")):
        image = name.partition(".")[0]
        stamp = os.path.join(FOLDER, image + ".complete")
        if not (os.path.exists(stamp) and _read(stamp) == recipe):
            _MAKERS[image]()
            with open(stamp, "w") as file:
                file.write(recipe)
    return path


def _recipe():
    """Changes when images made earlier are no longer right."""
    digest = hashlib.sha256()
    for path in (__file__, root_directory.__file__, TRAINER, os.path.realpath(PYTHON)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def _read(path):
    with open(path) as file:
        return file.read()


@contextlib.contextmanager
def _locked(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _call(*command, **options):
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if ended.returncode != 0:
        raise RuntimeError(
            f"images: {' '.join(command)} failed ({ended.returncode}):\n{ended.stdout}"
        )
    return ended.stdout


class Root(root_directory.RootDirectory):
    """A root directory that becomes an image of the tests."""

    def copy(self, path, to=None):
        """A file of the host, or what it is a link to."""
        target = self.inside(to or path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(path, target)

    def add_libraries_of(self, *programs):
        """The shared libraries that the loader finds for them on the host."""
        listed = _call("ldd", *programs)
        for library in sorted(set(re.findall(r"(/\S+) \(0x", listed))):
            if not os.path.exists(self.inside(library)):
                self.copy(library)

    def add_busybox(self, links):
        for name in links:
            if not os.path.lexists(self.inside("/usr/bin/" + name)):
                os.symlink("busybox", self.inside("/usr/bin/" + name))

    def pack(self, runscript):
        """Replaces the image NAME of build/images, unpacked; Apptainer adds what images hold."""
        self.write("/.singularity.d/runscript", runscript, 0o755)
        folder = os.path.join(FOLDER, os.path.basename(self.path))
        environment = {**os.environ, "APPTAINER_CACHEDIR": os.path.dirname(self.path)}
        build = ("apptainer", "--quiet", "build", "--force")
        _call(*build, folder + ".sif", self.path, env=environment)
        _call(*build, "--sandbox", folder, folder + ".sif", env=environment)


@contextlib.contextmanager
def _root(name):
    print(f"images: making {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="making.", dir=FOLDER) as folder:
        yield Root(os.path.join(folder, name))


def _make_trainer():
    with _root("trainer") as root:
        _add_static_busybox(root)
        _add_python(root)
        root.copy(TRAINER, f"{COMMAND_FOLDER}/{COMMANDS[0]}")
        for name in COMMANDS[1:]:
            os.symlink(COMMANDS[0], root.inside(f"{COMMAND_FOLDER}/{name}"))
        root.write(TEMPLATE, json.dumps(TEMPLATE_CONTENT, indent=4) + "\n")
        root.pack(RUN_ARGUMENTS_WITH_PATH)


def _make_alpine():
    with _root("alpine") as root:
        _add_static_busybox(root)
        (loader,) = glob.glob("/lib/ld-musl-*.so.1")
        root.copy(loader)
        root.pack(RUN_ARGUMENTS)


def _make_old_debian():
    with _root("old_debian") as root:
        for package in _old_packages(os.path.dirname(root.path)):
            # Its folders lib and bin are links here, which tar is to follow.
            with subprocess.Popen(
                ("dpkg-deb", "--fsys-tarfile", package), stdout=subprocess.PIPE
            ) as unpacked:
                _call(
                    *("tar", "-x", "--keep-directory-symlink", "--exclude=./usr/share"),
                    *("-C", root.path),
                    stdin=unpacked.stdout,
                )
        root.add_busybox(("cat", "env", "kill", "ls", "mkdir", "ps", "sleep", "touch"))
        root.pack(RUN_ARGUMENTS)


def _old_packages(folder):
    for release in OLD_RELEASES:
        packages = os.path.join(folder, release)
        try:
            _call(FETCH_DEBIAN, release, packages, "libc6", "dash", "busybox")
        except RuntimeError as error:
            print(error, flush=True)
        else:
            return glob.glob(os.path.join(packages, "*.deb"))
    raise RuntimeError(f"images: no mirror has one of {', '.join(OLD_RELEASES)}")


def _add_static_busybox(root):
    root.copy("/bin/busybox", "/usr/bin/busybox")
    root.add_busybox(name for name in _call("/bin/busybox", "--list").split() if name != "busybox")


def _add_python(root):
    root.copy(PYTHON)
    library = _call(PYTHON, "-IS", "-c", "import os; print(os.path.dirname(os.__file__))").strip()
    shutil.copytree(library, root.inside(library), ignore=shutil.ignore_patterns(*LEFT_OUT))
    root.add_libraries_of(PYTHON, *glob.glob(root.inside(library) + "/lib-dynload/*.so"))


_MAKERS = {"trainer": _make_trainer, "alpine": _make_alpine, "old_debian": _make_old_debian}

if __name__ == "__main__":
    for function in (trainer_sif, trainer_folder, alpine_folder, old_debian_folder):
        function()
