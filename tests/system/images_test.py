"""The images of the tests and the real Apptainer: what other tests take for granted."""

import os
import subprocess
import sys
import unittest

from surroundings import enter_a_world_of_our_own

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "support"))

import images  # noqa: E402

HELPER = os.environ["REPRISE_HELPER"]  # CTest sets it
SHOWN = "/mnt"  # where an ordinary user sees the images, whoever may enter the build folder
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
COMMANDS = ("run", "exec")


def contained(command, image, *arguments, options=(), user=()):
    """What a command in the image says, and its exit code."""
    ended = subprocess.run(
        (*user, "apptainer", "--quiet", command, "--containall", *options, image, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        timeout=60,
    )
    return ended.returncode, ended.stdout


class TrainerImageTest(unittest.TestCase):
    forms = (images.trainer_sif, images.trainer_folder)

    def test_alone_holds_the_commands_which_its_runscript_puts_on_path(self):
        for form in self.forms:
            with self.subTest(form.__name__):
                wanted = f"{images.COMMAND_FOLDER}/hysr_stop\n"
                self.assertFalse(os.path.exists(images.COMMAND_FOLDER))
                found = contained("run", form(), "sh", "-c", "command -v hysr_stop")
                self.assertEqual(found, (0, wanted))
                code, _ = contained("exec", form(), "sh", "-c", "command -v hysr_stop")
                self.assertEqual(code, 127)

    def test_alone_holds_the_template(self):
        for form in self.forms:
            with self.subTest(form.__name__):
                self.assertFalse(os.path.exists(images.TEMPLATE))
                code, text = contained("run", form(), "cat", images.TEMPLATE)
                self.assertEqual((code, '"hill of the image"' in text), (0, True), text)

    def test_the_trainer_runs_in_it(self):
        for form in self.forms:
            with self.subTest(form.__name__):
                # In the container's own home, a new folder each time.
                ended = contained("run", form(), "sh", "-c", "hysr_stop && ls")
                self.assertEqual(ended, (0, "stop\n"))
                code, said = contained("run", form(), "hysr_one_ball_rl", "no_file.json")
                self.assertEqual((code, "FileNotFoundError" in said), (1, True), said)

    def test_serves_an_ordinary_user_too(self):
        subprocess.run(("mount", "--bind", images.FOLDER, SHOWN), check=True)
        self.addCleanup(subprocess.run, ("umount", "--lazy", SHOWN), check=True)
        for form in self.forms:
            with self.subTest(form.__name__):
                path = os.path.join(SHOWN, os.path.basename(form()))
                ended = contained("run", path, "sh", "-c", "id -u; cd /tmp; hysr_stop", user=NOBODY)
                self.assertEqual(ended, (0, "65534\n"))


class OtherLibcTest(unittest.TestCase):
    roots = (images.alpine_folder, images.old_debian_folder)

    def test_a_program_of_this_machine_does_not_start_without_its_libc(self):
        bound = ("--bind", "/bin/true:/opt/true")
        code, said = contained("run", images.alpine_folder(), "/opt/true", options=bound)
        self.assertEqual((code, "not found" in said), (127, True), said)

    def test_the_static_helper_starts_a_shell_script_in_them(self):
        bound = ("--bind", f"{HELPER}:/opt/helper")
        script = "echo learner >&2; exit 5"
        for root in self.roots:
            for command in COMMANDS:
                with self.subTest(root.__name__, command=command):
                    code, said = contained(
                        *(command, root(), "/opt/helper", "--report-fd", "1"),
                        *("--learner", "3", "sh", "-c", script),
                        options=bound,
                    )
                    self.assertEqual(code, 0, said)
                    self.assertIn("learner\n", said)
                    self.assertIn("exited learner 5 ", said)


if __name__ == "__main__":
    enter_a_world_of_our_own()
    unittest.main(verbosity=2)
