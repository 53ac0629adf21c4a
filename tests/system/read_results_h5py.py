"""What Python users see of a results file: the examples of docs/results_file.md, run as they stand
there, and more. Usage: read_results_h5py.py SOURCE_DIR MAKE_RESULTS_FIXTURE"""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np

ATTEMPTS = 7


def check(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def examples_of(page):
    """The Python examples of the page, and the output that it shows for the first."""
    python = re.findall(r"```python\n(.*?)```", page, re.S)
    output = re.search(r"version2_at_rest\.h5`:\n```\n(.*?)```", page, re.S)
    check(len(python) == 2 and output, "the page has not the examples it should have")
    return python, output.group(1)


def run_example(code, folder):
    """What the code prints when results.h5 is in the current directory."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "docs/results_file.md", "exec"), {})
        return out.getvalue()
    finally:
        os.chdir(before)


def check_file(path, at_rest):
    with h5py.File(path, "r") as file:
        check(file.userblock_size == 512, "the user block has 512 bytes")
        check(file.attrs["state"] == (b"at rest" if at_rest else b"recording"), "state")
        check(file.attrs["format_version"] == 2, "format version")

        attempts = file["attempts"][:]
        check(attempts.dtype.itemsize == 606, "size of a row")
        check((len(attempts) == ATTEMPTS) == at_rest, "empty rows in a file in use only")
        rows = attempts[attempts["outcome"] != 0]
        check(len(rows) == ATTEMPTS, "number of attempts")
        check(rows["confirmed"].dtype == bool and rows["confirmed"].all(), "confirmed")
        check(list(rows["host"]) == [f"node{n}".encode() for n in range(ATTEMPTS)], "hosts")
        check(np.isnan(rows["reward"][3]) and rows["reward"][4] == 0.4, "rewards")
        check(rows["message"][3].decode() == "exit code 7 (ValueError: größer als 1)", "message")
        outcomes = h5py.check_enum_dtype(attempts.dtype["outcome"])
        check(outcomes["learner_failed"] == 2 and rows["outcome"][3] == 2, "outcomes")

        starts = file["starts"][:]
        starts = starts[starts["outcome"] != 0]
        check(set(starts["number"]) == {0, 1}, "starts")
        newest = [max((s for s in starts if s["number"] == n), key=lambda s: s["revision"])
                  for n in (0, 1)]
        check([s["outcome"] for s in newest] == [4, 2], "outcomes of the starts")
        check(newest[1]["trained"] == True, "trained")  # noqa: E712 (a numpy.bool_)

        sample = file["sample"]
        check(sample.attrs["job_id"] == 42 and sample.attrs["digest"] == b"9f2c6d7a", "sample")
        check(b"learning_rate" in sample["parameters"][()], "parameters")
        check(sample["configurations/rl"].asstr()[()] == '{"name": "Übung"}', "configurations")
        check(sample["versions"].attrs["reprise"] == b"0.1.0", "versions")

        check(len(file["curves"]) == (5 if at_rest else 0), "number of curves")
        if at_rest:
            curve = file["curves/run_1.1-0.part1"]
            check(curve.shape == (2, 3) and curve.dtype == np.float64, "form of a curve")
            check(curve.attrs["columns"][2].decode() == "größe", "names of columns")
            check(curve[0, 1] == 110.5 and np.isnan(curve[1, 1]), "values of a curve")


def main():
    source, make_fixture = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    page = (source / "docs" / "results_file.md").read_text(encoding="utf-8")
    (reading, verifying), expected = examples_of(page)
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([make_fixture, made], check=True)
        for data in (source / "tests" / "data" / "results", pathlib.Path(made)):
            for name, at_rest in (("version2_at_rest", True), ("version2_recording", False)):
                path = data / "valid" / f"{name}.h5"
                check_file(path, at_rest)
                with tempfile.TemporaryDirectory() as folder:
                    os.symlink(path, os.path.join(folder, "results.h5"))
                    run_example(verifying, folder)
                    if at_rest:
                        output = run_example(reading, folder)
                        check(output == expected, f"the page shows another output than\n{output}")
    print("the results file reads in h5py as its page says")


if __name__ == "__main__":
    main()
