#!/usr/bin/env python3
"""Prints a table of the samples of a search: parameters, mean, std, reruns, attempts.

    show_samples.py RESULTS_DIR [--search DIR] [--reference FILE]

RESULTS_DIR   holds the results files of the samples (runner.results_dir; docs/results_file.md)
--search      cluster_utils' own directory of that search: what it counts with (all_data.csv) is
              what the table shows
--reference   a results file that is shown for comparison, for example the template's defaults
"""

import argparse
import csv
import glob
import json
import math
import os
import sys

import h5py

SUCCEEDED = "succeeded"
NONE = "none"


class Sample:
    """What one results file says."""

    def __init__(self, path):
        with h5py.File(path, "r") as file:
            description = file["sample"]
            self.parameters = flat(json.loads(_text(description["parameters"])))
            self._configurations = {
                name: json.loads(_text(text))
                for name, text in description.get("configurations", {}).items()
            }
            rows = file["attempts"][:]
            codes = h5py.check_enum_dtype(file["attempts"].dtype["outcome"])
        names = {code: name for name, code in codes.items()}
        self.attempts = [
            (int(row["learning_run"]), int(row["iteration"]), names[row["outcome"]], row["reward"])
            for row in rows
            if names[row["outcome"]] != NONE
        ]
        self.path = path
        self.id = self.parameters.pop("id", None)
        for name in ("working_dir", "runner.results_dir"):
            self.parameters.pop(name, None)

    def value(self, name):
        """The parameter as given, else what the configuration says; None if it is unknown."""
        if name in self.parameters:
            return self.parameters[name]
        section, _, parameter = name.replace("config.", "", 1).partition(".")
        parameter, _, index = parameter.partition(":")
        try:
            value = self._configurations[section][parameter]
            return value[int(index)] if index else value
        except (KeyError, IndexError, TypeError):
            return None

    @property
    def rewards(self):
        """Of each rerun that has finished all its iterations."""
        last = self.parameters.get("training_iterations", 1) - 1
        return [
            float(reward)
            for _, iteration, outcome, reward in self.attempts
            if iteration == last and outcome == SUCCEEDED
        ]

    @property
    def reruns(self):
        return int(self.parameters.get("learning_runs_per_job", 3))

    def mean(self):
        """None unless every rerun has finished."""
        if not self.rewards or len(self.rewards) < self.reruns:
            return None
        return sum(self.rewards) / len(self.rewards)

    def std(self):
        mean = self.mean()
        if mean is None:
            return None
        return math.sqrt(sum((reward - mean) ** 2 for reward in self.rewards) / len(self.rewards))


def flat(parameters, before=""):
    """Nested dictionaries to one with dotted names."""
    result = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            result.update(flat(value, before + name + "."))
        else:
            result[before + name] = value
    return result


def _text(dataset):
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else str(value)


def load(folder):
    """The samples of all results files in `folder`, by id."""
    samples = [Sample(path) for path in glob.glob(os.path.join(glob.escape(folder), "*.h5"))]
    return sorted(samples, key=lambda sample: (sample.id is None, sample.id, sample.path))


def read_metrics(search):
    """{id: (mean, std)} as cluster_utils has recorded them."""
    path = os.path.join(search, "all_data.csv")
    if not os.path.exists(path):
        return {}
    with open(path, newline="") as file:
        return {
            int(row["_id"]): (float(row["mean_eprewmean"]), float(row["std_eprewmean"]))
            for row in csv.DictReader(file)
        }


def varied(samples):
    """The parameters in which what was given for the samples differs."""
    names = sorted({name for sample in samples for name in sample.parameters})
    return [
        name
        for name in names
        if len({repr(sample.parameters.get(name)) for sample in samples}) > 1
    ]


def table(samples, metrics, reference=None):
    """The lines of the table, best sample first."""
    names = varied(samples + [reference] if reference else samples)

    def line(label, sample, mean, std):
        values = [sample.value(name) for name in names]
        finished = "%d/%d" % (len(sample.rewards), sample.reruns)
        rewards = ["-" if value is None else "%.3f" % value for value in (mean, std)]
        return [label, *map(_cell, values), *rewards, finished, str(len(sample.attempts))]

    rows = []
    for sample in samples:
        mean, std = metrics.get(sample.id, (sample.mean(), sample.std()))
        label = "sample %s" % sample.id if sample.id is not None else os.path.basename(sample.path)
        rows.append((-math.inf if mean is None else mean, line(label, sample, mean, std)))
    rows.sort(key=lambda row: row[0], reverse=True)
    lines = [row for _, row in rows]
    if reference:
        lines.append(line("template's defaults", reference, reference.mean(), reference.std()))
    head = ["", *(_short(name) for name in names), "mean", "std", "reruns", "attempts"]
    return _align([head, *lines])


def _short(name):
    return name.replace("config.", "", 1).replace("_config.", ".", 1)


def _cell(value):
    if value is None:
        return "-"
    return "%.4g" % value if isinstance(value, float) else str(value)


def _align(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results_dir")
    parser.add_argument("--search", help="cluster_utils' directory of the search")
    parser.add_argument("--reference", help="a results file to compare with")
    options = parser.parse_args()
    samples = load(options.results_dir)
    if not samples:
        print("show_samples.py: no results file (*.h5) in '%s'." % options.results_dir,
              file=sys.stderr)  # fmt: skip
        return 1
    metrics = read_metrics(options.search) if options.search else {}
    reference = Sample(options.reference) if options.reference else None
    print("\n".join(table(samples, metrics, reference)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
