"""What docs/errors.md says happens to the real program: the cases of tests/data/errors/job.json.

A case has either "run", which makes it happen here, or "test", the test in which it happens
("FILE::NAME" beside this file) together with "source", words of the message as the source has
them; or "untried" with the reason, and "source".

run: argv; files, programs (shell scripts), directories, copies (of tests/data) in the folder in
which the job starts; environment; settings beside SETTINGS; before: arguments of earlier starts.
<…> in a message stands for what differs.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import support

DATA = os.path.join(support.SOURCE_DIR, "tests", "data")
SETTINGS = {
    "working_dir": "out",
    "learning_runs_per_job": 1,
    "learner": {
        "backend": [],
        "command": ["./train"],
        "stop": [],
        "reward_file": "rewards.csv",
        "reward_column": "reward",
    },
}
PROGRAMS = {"train": "printf 'reward\\n1\\n' > rewards.csv"}


def load_cases():
    with open(os.path.join(DATA, "errors", "job.json"), encoding="utf-8") as file:
        return json.load(file)


def pattern_of(message):
    """<…> is anything, and a line end is one in the log, too."""
    parts = re.split(r"<[a-z_]+>", message)
    return re.compile(".+".join(re.escape(part) for part in parts))


def merge(into, values):
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value
    return into


def write_program(path, text):
    with open(path, "w", encoding="utf-8") as file:
        starts_itself = text.startswith(("#!", "\x7f"))
        file.write(text if starts_itself else "#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


class Scene:
    """The folder of a case and what its job needs there."""

    def __init__(self, run, folder):
        self.run = run
        self.folder = folder
        settings = merge(json.loads(json.dumps(SETTINGS)), run.get("settings", {}))
        files = {"settings.json": json.dumps(settings), **run.get("files", {})}
        for name in run.get("directories", []):
            os.makedirs(self.path(name))
        for name, text in files.items():
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        for name, text in {**PROGRAMS, **run.get("programs", {})}.items():
            write_program(self.path(name), text)
        for name, source in run.get("copies", {}).items():
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            shutil.copy(os.path.join(DATA, source), self.path(name))
        self.command = self.program()

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self):
        kind = self.run.get("program", "job")
        if kind == "job":
            return [support.REPRISE, "job"]
        if kind == "bare":
            return [support.REPRISE]
        if kind.startswith("copy"):
            shutil.copy(support.REPRISE, self.path("reprise"))
            if kind == "copy with helper":
                beside = os.path.dirname(support.REPRISE)
                shutil.copy(os.path.join(beside, "reprise-run-helper"), self.folder)
            return [self.path("reprise"), "job"]
        if kind == "wrapper":
            return [sys.executable, "-IS", support.WRAPPER]
        assert kind == "wrapper alone", kind
        shutil.copy(support.WRAPPER, self.path("run_mpi.py"))
        return [sys.executable, "-IS", self.path("run_mpi.py")]

    def environment(self):
        variables = {**os.environ, "PATH": "/usr/bin:/bin"}
        variables.pop("REPRISE_BIN", None)
        for name, value in self.run.get("environment", {}).items():
            variables[name] = value.replace("@folder@", self.folder)
        return variables

    def start(self, arguments):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            port = str(unused.getsockname()[1])
        given = [argument.replace("@closed_port@", port) for argument in arguments]
        return subprocess.run(
            [*self.command, *given],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=support.END_S,
        )


class ErrorsDocTest(unittest.TestCase):
    def folder(self, where=None):
        folder = tempfile.mkdtemp(prefix="reprise-errors-", dir=where)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def server(self):
        server = support.Server()
        self.addCleanup(server.close)
        return server

    def check_case(self, case):
        run = case["run"]
        scene = Scene(run, self.folder())
        server = self.server()
        connection = [f"--job-id={support.JOB_ID}", f"--cluster-utils-server={server.address}"]
        own_words = run.get("program") == "bare" or run["argv"][0].startswith("--job-id")
        prefix = [] if own_words else connection
        for arguments in run.get("before", []):
            ended = scene.start([*prefix, *arguments])
            self.assertEqual(ended.returncode, run.get("before_code", 0), ended.stderr)
        self.assertNotIn(support.ERROR, server.names)
        server.forget()
        ended = scene.start([*prefix, *run["argv"]])
        said = f"\n{ended.stdout}{ended.stderr}"
        self.assertEqual(ended.returncode, case.get("exit_code", 1), said)
        message = pattern_of(case["message"])
        where = case.get("where", "stderr, server")
        stream = ended.stdout if where == "stdout" else ended.stderr
        self.assertRegex(stream, message)
        if "server" in where:
            self.assertEqual(server.names[-1], support.ERROR, said)
            self.assertRegex(server.error_text, message)
        else:
            self.assertNotIn(support.ERROR, server.names)
        if ended.returncode == 3:
            self.assertEqual(server.names[-1], support.RESUME)

    def test_cases_that_can_be_made_here(self):
        for case in load_cases():
            if "run" in case:
                with self.subTest(case["case"]):
                    self.check_case(case)

    def test_the_others_are_in_the_source_and_in_a_test(self):
        source = ""
        for folder, _, files in os.walk(os.path.join(support.SOURCE_DIR, "src")):
            for name in files:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    source += file.read()
        for name in ("include/reprise/core/contract.hpp",):
            with open(os.path.join(support.SOURCE_DIR, name), encoding="utf-8") as file:
                source += file.read()
        source = re.sub(r'"\s*\n\s*"', "", source)  # literals that go on in the next line
        for case in load_cases():
            if "run" in case:
                continue
            with self.subTest(case["case"]):
                self.assertIn(case["source"], source)
                if "untried" in case:
                    continue
                file_name, _, test = case["test"].partition("::")
                with open(os.path.join(support.HERE, file_name), encoding="utf-8") as file:
                    self.assertIn(f"def {test}(", file.read())

    def test_no_place_for_scratch_files(self):
        scene = Scene({"program": "copy with helper"}, self.folder("/var/tmp"))
        server = self.server()
        # Before /tmp is hidden: the project itself may lie there.
        (case,) = [case for case in load_cases() if "scratch" in case.get("test", "")]
        for place in ("/dev/shm", "/tmp"):
            support.mount_tmpfs(place, "nr_inodes=1")
            self.addCleanup(support.unmount, place)
        ended = scene.start(
            [
                f"--job-id={support.JOB_ID}",
                f"--cluster-utils-server={server.address}",
                "settings.json",
                "runner.ranks=2",
            ]
        )
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertRegex(ended.stderr, pattern_of(case["message"]))
        self.assertRegex(server.error_text, pattern_of(case["message"]))

    def test_names_are_different_and_nothing_is_forgotten(self):
        cases = load_cases()
        names = [(case["topic"], case["case"]) for case in cases]
        self.assertEqual(len(set(names)), len(names))
        known = {"topic", "case", "message", "more", "where", "exit_code"}
        for case in cases:
            with self.subTest(case["case"]):
                how = case.keys() & {"run", "test", "untried"}
                self.assertEqual(len(how), 1)
                self.assertLessEqual(case.keys() - how - {"source"}, known)
                self.assertEqual("source" in case, "run" not in case)


if __name__ == "__main__":
    support.main()
