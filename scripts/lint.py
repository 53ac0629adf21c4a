#!/usr/bin/env python3
"""The house rules that a program can check; one line for each breach, exit code 1 if there is one.

    scripts/lint.py [FOLDER]      FOLDER: the project's root (by default the one of this script)

Needs clang-format and bash, but no git: files are found by walking the tree.
"""

import ast
import os
import re
import subprocess
import sys

LEFT_OUT = {".git", ".venv", ".cache", "build", "demo_results", "__pycache__", "data"}
LONGEST_FILE = 700  # lines
LONGEST_LINE = 100  # columns
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
OLDEST_PYTHON = {"run_mpi.py": (3, 6)}  # what has to run where the project is not set up


class Source:
    """A file of the tree that is code."""

    def __init__(self, root, path):
        self.path = path
        self.name = os.path.basename(path)
        with open(os.path.join(root, path), "rb") as file:
            self.bytes = file.read()
        self.lines = self.bytes.decode("utf-8", errors="replace").split("\n")
        self.kind = self._kind()

    def _kind(self):
        if self.name.endswith((".cpp", ".hpp")):
            return "c++"
        if self.name.endswith(".cmake") or self.name == "CMakeLists.txt":
            return "cmake"
        first = self.lines[0]
        if self.name.endswith(".py") or (first.startswith("#!") and "python" in first):
            return "python"
        if self.name.endswith((".sh", ".sbatch")) or re.match(r"#!.*\b(ba)?sh\b", first):
            return "shell"
        return None


def find_sources(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(files):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                source = Source(root, os.path.relpath(path, root))
                if source.kind:
                    yield source


def check_text(source):
    """Rules for every kind of code."""
    if len(source.lines) - 1 > LONGEST_FILE:
        yield 1, "%d lines, more than %d" % (len(source.lines) - 1, LONGEST_FILE)
    if not source.bytes.endswith(b"\n") or source.bytes.endswith(b"\n\n"):
        yield len(source.lines), "the file does not end with one newline"
    for number, line in enumerate(source.lines, 1):
        if "\t" in line or "\r" in line:
            yield number, "a tab or a carriage return"
        if line.endswith(" "):
            yield number, "white space at the end of the line"
        if len(line) > LONGEST_LINE:
            yield number, "%d columns, more than %d" % (len(line), LONGEST_LINE)
        if UNFINISHED.search(line):
            yield number, "unfinished work belongs into an issue"


def check_cpp(source, root):
    if source.name.endswith(".hpp"):
        if not source.lines[0].startswith("/// @file "):
            yield 1, "a header begins with '/// @file' and what it is for"
        if "#pragma once" not in source.lines:
            yield 1, "#pragma once is missing"
    for number, line in enumerate(source.lines, 1):
        if re.search(r"\bNOLINT(NEXTLINE|BEGIN)?\b(?!\()", line):
            yield number, "NOLINT does not name its check"
    own = re.sub(r"^src/(.*)\.cpp$", r"reprise/\1.hpp", source.path)
    if os.path.isfile(os.path.join(root, "include", own)):
        includes = [line for line in source.lines if line.startswith("#include")]
        if includes[:1] != ['#include "%s"' % own]:
            yield 1, 'the first include is not the own header "%s"' % own


def check_python(source, _root):
    try:
        text = source.bytes.decode()
        ast.parse(text, source.path, feature_version=OLDEST_PYTHON.get(source.name, (3, 9)))
        compile(text, source.path, "exec")
    except (SyntaxError, ValueError) as error:
        yield getattr(error, "lineno", None) or 1, "no Python: %s" % error


def check_shell(source, root):
    result = subprocess.run(
        ["bash", "-n", source.path],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        yield 1, result.stdout.strip().replace("\n", "; ")


def check_format(sources, root):
    """What clang-format would change, as it says it itself."""
    paths = [source.path for source in sources if source.kind == "c++"]
    if not paths:
        return []
    try:
        result = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", *paths],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        return ["clang-format is missing. Run scripts/setup."]
    found = [line for line in result.stdout.splitlines() if " error: " in line]
    return found or ([result.stdout] if result.returncode != 0 else [])


CHECKS = {"c++": check_cpp, "python": check_python, "shell": check_shell}


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.abspath(arguments[0]) if arguments else os.path.dirname(here)
    sources = list(find_sources(root))
    found = []
    for source in sources:
        breaches = list(check_text(source))
        if source.kind in CHECKS:
            breaches += CHECKS[source.kind](source, root)
        found += ["%s:%d: %s" % (source.path, *breach) for breach in breaches]
    found += check_format(sources, root)
    for line in found:
        print(line)
    print("lint: %d files, %d findings" % (len(sources), len(found)))
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
