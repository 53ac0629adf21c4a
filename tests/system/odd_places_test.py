"""Jobs in places that are odd, full or forbidden: each works, or says in a line why it does not."""

import os
import shutil
import sys

import support
from support import MARK

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "support"))

import images  # noqa: E402

ODD = "dir with  ünïcode 'q' \"dq\" $HOME"
# A user namespace in which no further one may be made, as some sites have it for everybody; then an
# ordinary user.
NO_USER_NAMESPACES = """
import ctypes, os, sys
user, command = int(sys.argv[1]), sys.argv[2:]
ready, mapped, me = os.pipe(), os.pipe(), os.getpid()
if os.fork() == 0:
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{me}/{name}", "w") as file:
            file.write("0 0 65536")
    os.write(mapped[1], b"x")
    os._exit(0)
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(ready[1], b"x")
os.read(mapped[0], 1)
os.wait()
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
os.execvp(command[0], command)
"""


class OddPlacesTest(support.SystemTest):
    def small_job(self, container, runs=1, **parameters):
        job = self.job({}, learning_runs_per_job=runs, max_attempts=1, **parameters)
        if container == "apptainer":
            job.set(**{"singularity.image": images.trainer_sif()})
            for name in ("SCRIPTED_PLAN", MARK):
                job.environment["APPTAINERENV_" + name] = job.environment[name]
        else:
            job.set(**{"runner.container": container})
        return job

    def assert_refused(self, ended, *words):
        self.assert_ended(ended, 1)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr)

    # Names

    def test_spaces_quotes_and_other_letters(self):
        for container in ("none", "bubblewrap", "apptainer"):
            with self.subTest(container):
                job = self.small_job(container)
                folder = os.path.join(job.folder, ODD)
                os.mkdir(folder)
                job.working_dir = os.path.join(folder, "out `x`")
                job.environment["SCRIPTED_PLAN"] = os.path.join(folder, "plan.json")
                job.set(working_dir=job.working_dir)
                if container == "apptainer":
                    shutil.copy(images.trainer_sif(), os.path.join(folder, "my image.sif"))
                    job.environment["HOME"] = folder
                    value = 'b "c" \'d\' $e'
                    job.set(
                        **{
                            "singularity.image": "~/my image.sif",
                            "singularity.args": ["--env", f"MINE={value}"],
                        }
                    )
                    job.environment["APPTAINERENV_SCRIPTED_PLAN"] = job.environment["SCRIPTED_PLAN"]
                self.assert_ended(job.run(directory=folder), 0)
                self.assertEqual(len(job.attempts), 1)

    def test_an_unpacked_image_that_is_read_only(self):
        job = self.small_job("apptainer")
        image = os.path.join(job.folder, "image")
        support.bind(images.trainer_folder(), image)
        self.addCleanup(support.unmount, image)
        support.mount_read_only(image)
        job.set(**{"singularity.image": image})
        self.assert_ended(job.run(), 0)

    def test_an_option_that_the_runtime_does_not_know_is_named(self):
        job = self.small_job("apptainer", **{"singularity.args": ["--no-such-option"]})
        self.assert_refused(job.run(), "unknown flag: --no-such-option")

    # Full disks

    def fill(self, *folders):
        for folder in folders:
            support.resize_tmpfs(folder, "1m")
            self.addCleanup(self.make_room, folder)
            with open(os.path.join(folder, "filling"), "wb", buffering=0) as file:
                for size in (1 << 16, 1):
                    try:
                        while True:
                            file.write(b"x" * size)
                    except OSError:
                        continue

    def make_room(self, *folders):
        for folder in folders:
            if os.path.exists(os.path.join(folder, "filling")):
                os.remove(os.path.join(folder, "filling"))
            support.resize_tmpfs(folder, "1g")

    def test_a_full_dev_shm_is_no_obstacle(self):
        for container in ("none", "bubblewrap", "apptainer"):
            with self.subTest(container):
                job = self.small_job(container, runs=2)
                self.fill("/dev/shm")
                self.assert_ended(job.run(), 0)
                self.assertEqual(os.listdir("/dev/shm"), ["filling"])
                self.make_room("/dev/shm")

    def test_when_tmp_is_full_too_several_ranks_cannot_start_and_one_can(self):
        support.FOLDERS_IN = "/var/tmp"
        self.addCleanup(setattr, support, "FOLDERS_IN", None)
        job = self.small_job("bubblewrap", runs=2)
        self.fill("/dev/shm", "/tmp")
        self.assert_refused(job.run(), "'/dev/shm/reprise.", "is full", "runner.ranks=1")
        job.set(**{"runner.ranks": 1})
        self.assert_ended(job.run(), 0)
        self.assertEqual(os.listdir("/dev/shm"), ["filling"])
        self.assertEqual([n for n in os.listdir("/tmp") if n.startswith("reprise.")], [])
        self.make_room("/dev/shm", "/tmp")

    # No user namespaces

    def restricted_job(self, container, **parameters):
        job = self.small_job(container, **parameters)
        if container == "apptainer":  # the build folder may be closed to others
            image = os.path.join(job.folder, "image.sif")
            shutil.copy(images.trainer_sif(), image)
            job.set(**{"singularity.image": image})
        for folder, _, names in os.walk(job.folder):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, support.ORDINARY_USER, -1, follow_symlinks=False)
        prelude = [sys.executable, "-ISc", NO_USER_NAMESPACES, str(support.ORDINARY_USER)]
        job.wrapper = [*prelude, *job.wrapper]
        return job

    def test_without_user_namespaces_the_choice_is_none_with_a_warning(self):
        job = self.restricted_job("auto")
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertIn("container: none", ended.stdout)
        self.assertIn("the runs share /tmp and /dev/shm", ended.stderr)
        self.assertIn("namespace", ended.stderr)

    def test_without_user_namespaces_what_was_asked_for_is_refused(self):
        job = self.restricted_job("bubblewrap")
        self.assert_refused(job.run(), "'runner.container' is 'bubblewrap'", "namespace")
        job = self.restricted_job("apptainer")
        self.assert_refused(job.run(), "'singularity.image'", "namespace")


if __name__ == "__main__":
    support.main(private_tmp=True)
