"""What the tests with the real cluster_utils share: a search from its start to its end.

Tests that start one run with the Python of the virtual environment, which has cluster_utils.
"""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import support

SEARCH_LIMIT_S = 240


class Search:
    """A search that runs in the job's folder; its output is in search.out there. The words of
    `prefix` come before its command."""

    def __init__(self, module, job, settings, prefix=()):
        if importlib.util.find_spec("cluster_utils") is None:
            raise ImportError(
                f"{sys.executable} has no cluster_utils. Run this test with the Python of a"
                " virtual environment that has cluster-utils[runner] 3.0.0."
            )
        settings = {
            "optimization_procedure_name": "search",
            "results_dir": job.folder,
            "script_relative_path": "scripts/run_mpi.py",
            "no_user_interaction": True,
            "remove_jobs_dir": False,
            "generate_report": "never",
            **settings,
        }
        self.folder = job.folder
        self.results = os.path.join(job.folder, "search")
        self.cache = os.path.join(job.folder, "cache")
        os.mkdir(self.cache)
        scripts = os.path.join(job.folder, "scripts")
        os.mkdir(scripts)
        shutil.copy(support.WRAPPER, scripts)
        path = os.path.join(job.folder, "search.json")
        with open(path, "w") as file:
            json.dump(settings, file)
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        with open(self._output_path, "w") as output:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", module, path],
                cwd=job.folder,
                env={**job.environment, "CLUSTER_UTILS_CACHE_DIR": self.cache},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def _output_path(self):
        return os.path.join(self.folder, "search.out")

    @property
    def log(self):
        """cluster_utils' own log; without one, what the search wrote."""
        for path in (os.path.join(self.results, "cluster_run.log"), self._output_path):
            if os.path.exists(path):
                with open(path) as file:
                    return file.read()
        return ""

    @property
    def output(self):
        with open(self._output_path) as file:
            return file.read()

    @property
    def job_files(self):
        """The paths of everything in the jobs folder: scripts, outputs, marks of failures."""
        return [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.cache)
            for name in names
        ]

    def job_output(self, number=None):
        """The .out and .err files of a job, or of all."""
        text = ""
        ends = (".out", ".err") if number is None else (f"_{number}.out", f"_{number}.err")
        for path in sorted(self.job_files):
            if path.endswith(ends):
                with open(path, errors="replace") as file:
                    text += f"--- {path}\n{file.read()}"
        return text

    def all_data(self):
        with open(os.path.join(self.results, "all_data.csv"), newline="") as file:
            return list(csv.DictReader(file))

    def wait(self, limit_s=SEARCH_LIMIT_S):
        return self.process.wait(limit_s)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class SearchTest(support.SystemTest):
    SEARCH_PREFIX = ()

    def start_search(self, module, job, settings):
        search = Search(module, job, settings, self.SEARCH_PREFIX)
        self.addCleanup(search.close)
        return search

    def run_search(self, module, job, settings):
        """Runs a search to its good end."""
        search = self.start_search(module, job, settings)
        try:
            code = search.wait()
        except subprocess.TimeoutExpired:
            code = f"not within {SEARCH_LIMIT_S} s"
        self.assertEqual(code, 0, search.output + search.log + search.job_output())
        return search


def without_cluster(path, folder):
    """A PATH without condor_q and sbatch: cluster_utils runs locally only where neither is."""
    hidden = {"condor_q", "sbatch"}
    folders = []
    for number, entry in enumerate(path.split(os.pathsep)):
        if any(os.path.exists(os.path.join(entry, name)) for name in hidden):
            links = os.path.join(folder, "path", str(number))
            os.makedirs(links)
            for name in set(os.listdir(entry)) - hidden:
                os.symlink(os.path.join(entry, name), os.path.join(links, name))
            entry = links
        folders.append(entry)
    return os.pathsep.join(folders)
