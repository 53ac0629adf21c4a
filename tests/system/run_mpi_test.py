"""The wrapper scripts/run_mpi.py: where it looks for the program, and in which order."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

WRAPPER = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "run_mpi.py"
)


class RunMpiTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.on_path = os.path.join(self.folder, "on_path")
        os.mkdir(self.on_path)

    def program(self, *path):
        """A fake reprise that prints its name and arguments and ends with 3."""
        path = os.path.join(self.folder, *path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write('#!/bin/sh\nprintf "%s|" "$0" "$@"\nexit 3\n')
        os.chmod(path, 0o755)
        return path

    def wrapper(self, *folders):
        """A copy of the wrapper in that folder of its own tree."""
        folder = os.path.join(self.folder, *folders)
        os.makedirs(folder, exist_ok=True)
        return shutil.copy(WRAPPER, folder)

    def run_wrapper(self, wrapper, *arguments, **environment):
        environment.setdefault("PATH", self.on_path)
        return subprocess.run(
            [sys.executable, wrapper, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )

    def expect_became(self, result, program, *arguments):
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout, "|".join([program, "job", *arguments]) + "|")
        self.assertEqual(result.returncode, 3)

    def expect_error(self, result, text):
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn(text, result.stderr)

    def test_the_environment_variable_comes_first(self):
        named = self.program("named", "my_reprise")
        self.program("project", "build", "release", "bin", "reprise")
        self.program("on_path", "reprise")
        result = self.run_wrapper(self.wrapper("project", "scripts"), "a", REPRISE_BIN=named)
        self.expect_became(result, named, "a")

    def test_a_wrong_environment_variable_is_an_error_and_nothing_else_is_tried(self):
        self.program("on_path", "reprise")
        wrapper = self.wrapper("project", "scripts")
        result = self.run_wrapper(wrapper, REPRISE_BIN="/nonexistent/reprise")
        self.expect_error(result, "REPRISE_BIN names it")
        not_executable = self.program("named", "reprise")
        os.chmod(not_executable, 0o644)
        self.expect_error(self.run_wrapper(wrapper, REPRISE_BIN=not_executable), not_executable)

    def test_an_installed_wrapper_takes_the_program_beside_it(self):
        installed = self.program("prefix", "bin", "reprise")
        self.program("on_path", "reprise")
        self.expect_became(self.run_wrapper(self.wrapper("prefix", "bin")), installed)

    def test_a_wrapper_in_share_takes_the_program_of_its_prefix(self):
        installed = self.program("prefix", "bin", "reprise")
        self.program("on_path", "reprise")
        self.expect_became(self.run_wrapper(self.wrapper("prefix", "share", "reprise")), installed)

    def test_the_source_tree_prefers_release_to_dev_to_the_path(self):
        on_path = self.program("on_path", "reprise")
        dev = self.program("project", "build", "dev", "bin", "reprise")
        release = self.program("project", "build", "release", "bin", "reprise")
        wrapper = self.wrapper("project", "scripts")
        self.expect_became(self.run_wrapper(wrapper), release)
        os.unlink(release)
        self.expect_became(self.run_wrapper(wrapper), dev)
        os.unlink(dev)
        self.expect_became(self.run_wrapper(wrapper), on_path)

    def test_a_fresh_clone_where_nothing_is_built_takes_the_one_on_path(self):
        on_path = self.program("on_path", "reprise")
        self.expect_became(self.run_wrapper(self.wrapper("clone", "scripts")), on_path)

    def test_no_program_anywhere_is_one_line_and_exit_code_1(self):
        result = self.run_wrapper(self.wrapper("clone", "scripts"))
        self.expect_error(result, "cannot find the program reprise")

    def test_a_program_of_another_kind_of_machine_is_one_line_and_exit_code_1(self):
        broken = self.program("named", "reprise")
        with open(broken, "wb") as file:
            file.write(b"\x7fELF nothing that runs")
        result = self.run_wrapper(self.wrapper("clone", "scripts"), REPRISE_BIN=broken)
        self.expect_error(result, "Is it built for this machine?")

    def test_arguments_arrive_unchanged(self):
        on_path = self.program("on_path", "reprise")
        arguments = ["--parameter-dict", "{'a': \"x y\", 'b': '$HOME'}", "", "--job-id=3"]
        result = self.run_wrapper(self.wrapper("clone", "scripts"), *arguments)
        self.expect_became(result, on_path, *arguments)

    def test_it_is_executable_and_has_a_shebang(self):
        self.assertTrue(os.access(WRAPPER, os.X_OK))
        with open(WRAPPER) as file:
            self.assertEqual(file.readline(), "#!/usr/bin/env python3\n")


if __name__ == "__main__":
    unittest.main()
