"""Runs in containers: bubblewrap's, Apptainer's and none, with the real programs."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

import support
from support import MARK, SystemTest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "support"))

import images  # noqa: E402

NOBODY = 65534

# A backend as today's users have them: a fixed name in /dev/shm, a fixed file in /tmp.
FIXED_NAMES_BACKEND = """#!/bin/sh
set -eC                                  # -C: a file that is there already is an error
echo mine > /dev/shm/fixed_segment
echo mine > /tmp/fixed_file
echo ready > backend_is_ready
trap 'exit 0' TERM
while :; do sleep 0.01; done
"""
FIXED_NAMES_LEARNER = """#!/bin/sh
until [ -e backend_is_ready ]; do sleep 0.01; done
wanted=$1
while set -- ../run_*/backend_is_ready; [ $# != "$wanted" ]; do sleep 0.01; done
mkdir training_logs
printf 'rollout/ep_rew_mean\\n%s\\n' "$REPRISE_RUN" > training_logs/progress.csv
"""
LOOK_AROUND = """#!/bin/sh
mkdir training_logs
printf 'rollout/ep_rew_mean\\n1\\n' > training_logs/progress.csv
env > environment.txt
echo $$ > number.txt
df -m /tmp | tail -n 1 > tmp.txt
ls -a / > root.txt
"""
TAKE_A_GIGABYTE = """#!/bin/sh
dd if=/dev/zero of="${2:-/tmp}/large" bs=1000000 count=1000 || exit 1
mkdir training_logs
printf 'rollout/ep_rew_mean\\n1\\n' > training_logs/progress.csv
"""


class ContainersTest(SystemTest):
    def image_job(self, plan=None, image=images.trainer_sif, **parameters):
        """A job in an image; what the scripted trainer needs to know gets in."""
        job = self.job(plan, **{"singularity.image": image(), **parameters})
        for name in ("SCRIPTED_PLAN", MARK):
            job.environment["APPTAINERENV_" + name] = job.environment[name]
        return job

    def script(self, job, name, text):
        path = os.path.join(job.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return "./" + name

    def scripts_job(self, make, learner, backend=None, **parameters):
        job = make(**{"learner.stop": [], "learner.backend": [], **parameters})
        job.set(**{"learner.command": [self.script(job, "learner.sh", learner), "4"]})
        if backend:
            job.set(**{"learner.backend": [self.script(job, "backend.sh", backend)]})
        return job

    def read(self, job, *names):
        with open(job.path(*names)) as file:
            return file.read()

    def environment(self, job, run="run_0.0-0"):
        lines = self.read(job, run, "environment.txt").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    # What this is for

    def test_four_backends_with_fixed_names_run_at_once(self):
        for make, how in ((self.job, "bubblewrap"), (self.image_job, "apptainer")):
            with self.subTest(how):
                job = self.scripts_job(
                    make, FIXED_NAMES_LEARNER, FIXED_NAMES_BACKEND, learning_runs_per_job=4
                )
                ended = job.run()
                self.assert_ended(ended, 0)
                self.assertIn(f"container: {how}", ended.stdout)
                self.assertEqual([row["outcome"] for row in job.attempts], ["succeeded"] * 4)

    def test_without_a_container_they_collide_and_a_warning_has_said_so(self):
        job = self.scripts_job(
            self.job,
            FIXED_NAMES_LEARNER,
            FIXED_NAMES_BACKEND,
            learning_runs_per_job=4,
            max_attempts=1,
            **{"runner.container": "none"},
        )
        self.addCleanup(self.remove, "/tmp/fixed_file", "/dev/shm/fixed_segment")
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertIn("the runs share /tmp and /dev/shm (runner.container is 'none')", ended.stderr)
        self.assertIn("/dev/shm/fixed_segment", ended.stderr)
        self.remove("/tmp/fixed_file", "/dev/shm/fixed_segment")

    def remove(self, *paths):
        for path in paths:
            if os.path.exists(path):
                os.remove(path)

    def test_without_bubblewrap_the_choice_is_none_with_a_warning(self):
        job = self.job({}, learning_runs_per_job=1)
        job.environment["PATH"] = self.path_without(job, "bwrap")
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertIn("container: none", ended.stdout)
        self.assertIn("bwrap is not on PATH", ended.stderr)
        job.set(**{"runner.container": "bubblewrap"})
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assertIn("'runner.container' is 'bubblewrap': bwrap is not on PATH", ended.stderr)

    def path_without(self, job, program):
        """All the programs of the PATH but one."""
        folder = os.path.join(job.folder, "all_but_" + program)
        os.mkdir(folder)
        for directory in job.environment["PATH"].split(os.pathsep):
            for name in os.listdir(directory) if os.path.isdir(directory) else ():
                link = os.path.join(folder, name)
                if name != program and not os.path.lexists(link):
                    os.symlink(os.path.join(directory, name), link)
        return folder

    # Images

    def test_commands_and_a_template_that_only_the_image_has(self):
        for image in (images.trainer_sif, images.trainer_folder):
            with self.subTest(image.__name__):
                job = self.image_job({}, image, training_iterations=2)
                for name in support.TRAINER_COMMANDS:
                    os.remove(os.path.join(job.bin, name))
                self.use_template_of_the_image(job)
                self.assert_ended(job.run(), 0)
                used = support.read_json(job.path("run_2.1-0", "config", "pam_config.json"))
                self.assertEqual(used["segment_id"], images.TEMPLATE_CONTENT["segment_id"])
                self.assertEqual(len(job.attempts), 6)

    def use_template_of_the_image(self, job):
        main = support.read_json(job.templates)
        main["pam_config"] = images.TEMPLATE
        with open(job.templates, "w") as file:
            json.dump(main, file)

    def test_a_home_path_and_the_old_wrapper_as_in_the_seeds_file(self):
        job = self.image_job({})
        os.symlink(images.trainer_sif(), os.path.join(job.folder, "learner.sif"))
        job.environment["HOME"] = job.folder
        job.set(
            **{"singularity.image": "~/learner.sif", "singularity.script": "hp_optim/run.py"},
        )
        self.use_template_of_the_image(job)
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertIn("'singularity.script' is ignored", ended.stderr)

    def test_what_an_image_sees(self):
        job = self.scripts_job(self.image_job, LOOK_AROUND, learning_runs_per_job=1)
        job.environment.update({"MINE": "outside", "APPTAINERENV_MINE": "a$b `c`", "OTHER": "x"})
        self.assert_ended(job.run(), 0)
        seen = self.environment(job)
        self.assertNotIn("OTHER", seen)
        self.assertLess(int(self.read(job, "run_0.0-0", "number.txt")), 20)  # processes of its own
        self.assertEqual(seen["MINE"], "a$b `c`")
        self.assertEqual(seen["DBG_NAN_SNAPSHOT_DIR"], job.path("nan_snapshots"))
        self.assertEqual(seen["REPRISE_RUN_DIR"], job.path("run_0.0-0"))
        self.assertEqual(seen["PWD"], job.path("run_0.0-0"))
        self.assertEqual(seen["HOME"], "/root")
        self.assertTrue(seen["PATH"].startswith(images.COMMAND_FOLDER + ":"), seen["PATH"])
        self.assertEqual([n for n in seen if n.startswith(("OMPI_", "PMIX_", "PRTE_"))], [])
        self.assertNotIn("work", self.read(job, "run_0.0-0", "root.txt").split())

    def test_what_bubblewrap_leaves_as_it_is(self):
        job = self.scripts_job(self.job, LOOK_AROUND, learning_runs_per_job=1)
        job.environment["MINE"] = "outside"
        self.assert_ended(job.run(), 0)
        seen = self.environment(job)
        self.assertEqual(seen["MINE"], "outside")
        self.assertEqual(seen["TMPDIR"], "/tmp")
        self.assertEqual(seen["PATH"], job.environment["PATH"])
        self.assertEqual(seen["DBG_NAN_SNAPSHOT_DIR"], job.path("nan_snapshots"))
        for prefix in ("SINGULARITYENV_", "APPTAINERENV_"):
            self.assertEqual(seen[prefix + "DBG_NAN_SNAPSHOT_DIR"], job.path("nan_snapshots"))

    def test_tmp_takes_a_gigabyte_also_from_an_ordinary_user(self):
        job = self.scripts_job(self.image_job, TAKE_A_GIGABYTE, learning_runs_per_job=1)
        shown = os.path.join(job.folder, "image.sif")  # the build folder may be closed to others
        shutil.copy(images.trainer_sif(), shown)
        job.set(**{"singularity.image": shown, "runner.tmp_size_mb": 1200})
        subprocess.run(("chown", "-R", str(NOBODY), job.folder), check=True)
        job.wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                       "--", *job.wrapper]
        self.assert_ended(job.run(), 0)

    def test_a_size_that_is_exceeded_is_that_runs_failure(self):
        for make in (self.job, self.image_job):
            for place in ("/tmp", "/dev/shm"):
                with self.subTest(make.__name__, place=place):
                    job = self.scripts_job(
                        make, TAKE_A_GIGABYTE, learning_runs_per_job=1, max_attempts=1
                    )
                    job.parameters["learner"]["command"].append(place)
                    job.set(**{"runner.tmp_size_mb": 10})
                    ended = job.run()
                    self.assert_ended(ended, 1)
                    self.assertIn("No space left on device", ended.stderr)

    def test_images_with_another_libc(self):
        for image in (images.alpine_folder, images.old_debian_folder):
            with self.subTest(image.__name__):
                job = self.scripts_job(
                    lambda image=image, **more: self.image_job({}, image, **more),
                    FIXED_NAMES_LEARNER,
                    FIXED_NAMES_BACKEND,
                    learning_runs_per_job=4,
                )
                self.assert_ended(job.run(), 0)

    def test_the_ranks_do_not_try_out_again_what_the_launcher_has_tried(self):
        job = self.image_job({}, learning_runs_per_job=2)
        counting = '#!/bin/sh\necho start >> starts.txt\nexec apptainer "$@"\n'
        job.set(**{"singularity.executable": self.script(job, "apptainer", counting)})
        self.assert_ended(job.run(), 0)
        with open(os.path.join(job.folder, "starts.txt")) as file:
            self.assertEqual(file.read().count("start"), 2)  # to try it, to look for the commands
        for run in ("run_0.0-0", "run_1.0-0"):  # the script runs where the training does
            self.assertEqual(self.read(job, run, "starts.txt").count("start"), 1)

    def test_the_hosts_own_files_cannot_be_written_from_an_image(self):
        hosts = os.path.join(tempfile.mkdtemp(dir="/var/tmp"), "hosts")
        self.addCleanup(shutil.rmtree, os.path.dirname(hosts))
        shutil.copy("/etc/hosts", hosts)
        # In the namespace of the tests: the machine's own file is out of danger.
        subprocess.run(("mount", "--bind", hosts, "/etc/hosts"), check=True)
        self.addCleanup(support.unmount, "/etc/hosts")
        with open(hosts) as file:
            before = file.read()
        write = LOOK_AROUND + "if echo changed >> /etc/hosts; then exit 1; fi\n"
        job = self.scripts_job(self.image_job, write, learning_runs_per_job=1, max_attempts=1)
        self.assert_ended(job.run(), 0)
        with open(hosts) as file:
            self.assertEqual(file.read(), before)

    # Mistakes

    def assert_refused(self, job, *words):
        ended = job.run()
        self.assert_ended(ended, 1)
        for word in words:
            self.assertIn(word, ended.stderr)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)

    def test_missing_and_broken_images_are_named(self):
        job = self.image_job({})
        broken = os.path.join(job.folder, "broken.sif")
        with open(broken, "w") as file:
            file.write("no image")
        job.set(**{"singularity.image": "no/such.sif"})
        self.assert_refused(job, "'singularity.image'", f"{job.folder}/no/such.sif", "not there")
        job.set(**{"singularity.image": "broken.sif"})
        self.assert_refused(job, "'singularity.image'", broken, "image format not recognized")

    def test_missing_runtime_and_commands_are_named(self):
        job = self.image_job({}, **{"learner.command": ["no_such_command"]})
        self.assert_refused(job, "learner.command", "'no_such_command'", "in the image")
        job.set(**{"singularity.executable": "no_such_runtime"})
        self.assert_refused(job, "'singularity.executable'", "'no_such_runtime'")
        job.set(**{"singularity.image": None, "singularity.executable": None})
        job.set(**{"runner.container": "apptainer"})
        self.assert_refused(job, "'runner.container'", "singularity.image")

    def test_a_runscript_that_starts_nothing_is_told(self):
        job = self.image_job({}, images.alpine_folder)
        image = os.path.join(job.folder, "image")
        shutil.copytree(images.alpine_folder(), image, symlinks=True)
        runscript = os.path.join(image, ".singularity.d", "runscript")
        with open(runscript, "w") as file:
            file.write("#!/bin/sh\necho welcome\n")
        os.chmod(runscript, os.stat(runscript).st_mode | stat.S_IXUSR)
        job.set(**{"singularity.image": image})
        self.assert_refused(job, "runscript", 'exec "$@"', "singularity.use_run")

    def test_an_image_that_is_not_used_is_told(self):
        job = self.image_job({}, learning_runs_per_job=1, **{"runner.container": "bubblewrap"})
        ended = job.run()
        self.assert_ended(ended, 0)
        self.assertIn("'singularity.image' is not used", ended.stderr)


if __name__ == "__main__":
    support.main()
