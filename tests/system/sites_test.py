"""What docs/containers.md says of the ways in which a site may have Apptainer, each one tried. The
job is an ordinary user's. A set-user-id Apptainer is made of the machine's own: its starter gets
that bit, in a place that only this test sees."""

import os
import shutil
import signal
import subprocess
import sys

import support
from support import MARK, ORDINARY_USER, RESUME

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(os.path.dirname(HERE), "support")
sys.path.append(SUPPORT)

import images  # noqa: E402

WITHOUT_USER_NAMESPACES = os.path.join(SUPPORT, "without_user_namespaces.py")
LOOK_AROUND = """#!/bin/sh
mkdir training_logs
printf 'rollout/ep_rew_mean\\n1\\n' > training_logs/progress.csv
id -u > user.txt
df -m /tmp | tail -n 1 > tmp.txt
"""
AS_ORDINARY_USER = (
    *("setpriv", f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}"),
    *("--clear-groups", "--"),
)
FILLS_TMP = "dd if=/dev/zero of=/tmp/large bs=1000000 count=70 || exit 1\n"


def configured(name):
    ended = subprocess.run(
        ("apptainer", "buildcfg"), check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(line.split("=", 1) for line in ended.stdout.splitlines())[name]


class SitesTest(support.SystemTest):
    def prepare(
        self,
        image=images.trainer_sif,
        script=LOOK_AROUND,
        user=ORDINARY_USER,
        prelude=None,
        **parameters,
    ):
        """A job of that user in an image."""
        job = self.job({}, learning_runs_per_job=1, max_attempts=1)
        shown = os.path.join(job.folder, "image")  # the build folder may be closed to others
        if os.path.isdir(image()):
            support.bind(image(), shown)
            self.addCleanup(support.unmount, shown)
        else:
            shutil.copy(image(), shown)
        path = os.path.join(job.folder, "learner.sh")
        with open(path, "w") as file:
            file.write(script)
        os.chmod(path, 0o755)
        job.set(
            **{
                "singularity.image": shown,
                "learner.command": ["./learner.sh"],
                "learner.backend": [],
                "learner.stop": [],
                **parameters,
            }
        )
        job.environment["APPTAINERENV_" + MARK] = job.environment[MARK]
        job.wrapper = [*(prelude or AS_ORDINARY_USER), *job.wrapper]
        if user != 0:
            for folder, folders, names in os.walk(job.folder):
                if shown in (os.path.join(folder, name) for name in folders):
                    folders.remove("image")  # of the test machine, and may be read
                for path in (folder, *(os.path.join(folder, name) for name in names)):
                    os.chown(path, user, -1, follow_symlinks=False)
        return job

    def prepare_without_user_namespaces(self, **more):
        prelude = [sys.executable, "-IS", WITHOUT_USER_NAMESPACES, str(ORDINARY_USER)]
        return self.prepare(prelude=prelude, **more)

    def install_set_user_id(self):
        folder = os.path.join(configured("LIBEXECDIR"), "apptainer", "bin")
        own = os.path.join("/tmp", "starters")  # a file system of the test's own
        os.makedirs(own, exist_ok=True)
        for name, mode in (("starter", 0o755), ("starter-suid", 0o4755)):
            shutil.copy(os.path.join(folder, "starter"), os.path.join(own, name))
            os.chmod(os.path.join(own, name), mode)
        support.bind(own, folder)
        self.addCleanup(support.unmount, folder)

    def replace(self, path, text, mode=0o644):
        """What a file of the machine says, for this test only."""
        own = os.path.join("/tmp", os.path.basename(path))
        with open(own, "w") as file:
            file.write(text)
        os.chmod(own, mode)
        support.bind_file(own, path)
        self.addCleanup(support.unmount, path)

    def seen(self, job, name):
        with open(job.path("run_0.0-0", name)) as file:
            return file.read()

    def assert_refused(self, ended, *words):
        self.assert_ended(ended, 1)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr)

    def assert_works(self, job, user=ORDINARY_USER):
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertIn("container: apptainer", ended.stdout)
        self.assertEqual(self.seen(job, "user.txt"), f"{user}\n")
        return ended

    def test_set_user_id_with_user_namespaces(self):
        self.install_set_user_id()
        job = self.prepare(**{"runner.tmp_size_mb": 20})
        ended = self.assert_works(job)
        self.assertEqual(ended.stderr, "")
        self.assertEqual(self.seen(job, "tmp.txt").split()[1], "20")
        job = self.prepare(script=LOOK_AROUND + FILLS_TMP, **{"runner.tmp_size_mb": 20})
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertIn("No space left on device", ended.stderr)

    def test_set_user_id_without_user_namespaces(self):
        """/tmp has no limit but the memory of the machine."""
        self.install_set_user_id()
        job = self.prepare_without_user_namespaces(
            script=LOOK_AROUND + FILLS_TMP, **{"runner.tmp_size_mb": 20}
        )
        ended = self.assert_works(job)
        self.assertIn("runner.tmp_size_mb is not enforced", ended.stderr)

    def test_set_user_id_without_user_namespaces_and_kills(self):
        """Who is set-user-id cannot be looked at: its environment is closed to its own user."""
        self.install_set_user_id()
        for killed in (("rank 0",), ("launcher",), ("launcher", "rank 0"), ("helper",)):
            with self.subTest(killed):
                server = self.server()
                job = self.prepare_without_user_namespaces(
                    script="#!/bin/sh\ntrap '' TERM\necho > trained\nwhile :; do sleep 1; done\n"
                )
                job.server = server
                start = job.start()
                job.wait_for_training("run_0.0-0")
                pids = [job.find(role).pid for role in killed]
                support.kill_at_once(pids)
                code = start.wait().code
                if killed == ("helper",):
                    self.assertEqual(code, 1)
                else:
                    self.assertEqual(code, 3 if killed == ("rank 0",) else -signal.SIGKILL)
                    server.wait_for(RESUME)
                self.wait_until_nothing_is_left(job)

    def wait_until_nothing_is_left(self, job):
        support.wait_until(
            lambda: not self.left(job), "nothing left", 2.0, lambda: self.left(job)
        )

    def left(self, job):
        """All that belongs to the user: not everything shows its mark."""
        return job.remnants() + [
            f"process {name}"
            for name in os.listdir("/proc")
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == ORDINARY_USER
        ]

    def test_without_user_namespaces_and_set_user_id(self):
        job = self.prepare_without_user_namespaces()
        self.assert_refused(job.run(), "'singularity.image'", "Failed to create user namespace")

    def test_a_closed_dev_fuse(self):
        self.replace("/dev/fuse", "", 0o600)
        job = self.prepare()
        self.assert_refused(job.run(), "'singularity.image'", "/dev/fuse")
        self.assert_works(self.prepare(images.trainer_folder))

    def test_fakeroot_has_other_users_with_a_line_in_subuid_only(self):
        gives_away = "touch /tmp/x; chown 7:7 /tmp/x; stat -c %u /tmp/x > given.txt\n"
        for lines, given in (("", "0\n"), ("nobody:200000:65536\n", "7\n")):
            with self.subTest(lines):
                for path in ("/etc/subuid", "/etc/subgid"):
                    self.replace(path, lines)
                job = self.prepare(
                    script=LOOK_AROUND + gives_away, **{"singularity.args": ["--fakeroot"]}
                )
                self.assert_works(job, user=0)
                self.assertEqual(self.seen(job, "given.txt"), given)

    def test_root_without_all_capabilities_needs_a_setting(self):
        with open(configured("APPTAINER_CONF_FILE")) as file:
            lines = file.read().splitlines()
        setting = "root default capabilities = "
        without = ["setpriv", "--bounding-set=-wake_alarm", "--inh-caps=-wake_alarm", "--"]
        for value in ("full", "no"):
            with self.subTest(value):
                text = "\n".join(setting + value if x.startswith(setting) else x for x in lines)
                self.replace(configured("APPTAINER_CONF_FILE"), text + "\n")
                job = self.prepare(user=0, prelude=without)
                if value == "no":
                    self.assert_works(job, user=0)
                else:
                    self.assert_refused(job.run(), "Requesting capability set")


if __name__ == "__main__":
    support.main(private_tmp=True)
