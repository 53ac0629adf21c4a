"""The real cluster_utils runs searches with real jobs of the program and the scripted trainer.

Started with the Python of the virtual environment that has cluster-utils[runner] 3.0.0.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import support

try:
    import cluster_utils  # noqa: F401
except ImportError as error:
    sys.exit(
        f"cannot import cluster_utils with {sys.executable} ({error}). Run this test with the"
        " Python of a virtual environment that has cluster-utils[runner] 3.0.0."
    )

SEARCH_LIMIT_S = 240


# Jobs start in a clone, from where a plan in /tmp is out of sight: it is private there.
support.FOLDERS_IN = "/var/tmp"


class ClusterUtilsTest(support.SystemTest):
    def search(self, module, job, settings):
        """Runs a search to its end in the job's folder; returns its log and the folder of its
        results."""
        settings = {
            "optimization_procedure_name": "search",
            "results_dir": job.folder,
            "script_relative_path": "scripts/run_mpi.py",
            "no_user_interaction": True,
            "remove_jobs_dir": False,
            "generate_report": "never",
            "environment_setup": {},
            "cluster_requirements": {"request_cpus": 1, "max_cpus": 2},
            **settings,
        }
        folder = os.path.join(job.folder, "scripts")
        os.mkdir(folder)
        shutil.copy(support.WRAPPER, folder)
        path = os.path.join(job.folder, "search.json")
        with open(path, "w") as file:
            json.dump(settings, file)
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        environment = dict(job.environment)
        environment["CLUSTER_UTILS_CACHE_DIR"] = os.path.join(job.folder, "cache")
        os.mkdir(environment["CLUSTER_UTILS_CACHE_DIR"])
        environment["PATH"] = without_cluster(environment["PATH"], job.folder)
        process = subprocess.run(
            [sys.executable, "-m", module, path],
            cwd=job.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SEARCH_LIMIT_S,
        )
        results = os.path.join(job.folder, "search")
        with open(os.path.join(results, "cluster_run.log")) as file:
            log = file.read()
        self.assertEqual(process.returncode, 0, process.stdout + log)
        return log, results

    def fixed(self, job, **more):
        return {
            "learning_runs_per_job": 2,
            "config.config_templates": job.templates,
            "runner.results_dir": os.path.join(job.folder, "kept"),
            **more,
        }

    def test_hp_optimization(self):
        """Two iterations, so every job is restarted once; a run that fails once is retried."""
        job = self.job({"*": {"reward_of_parameters": True}, "1.0-0": {"ends_with": 1}})
        log, results = self.search(
            "cluster_utils.hp_optimization",
            job,
            {
                "run_in_working_dir": True,
                "fixed_params": self.fixed(job, training_iterations=2, max_attempts=2),
                "optimizer_str": "cem_metaoptimizer",
                "optimizer_settings": {"with_restarts": False, "num_jobs_in_elite": 2},
                "optimization_setting": {
                    "metric_to_optimize": "mean_eprewmean",
                    "minimize": False,
                    "number_of_samples": 6,
                    "n_jobs_per_iteration": 3,
                    "run_local": True,
                },
                "num_best_jobs_whose_data_is_kept": 2,
                "optimized_params": [
                    {
                        "param": "config.hysr_config.robot_position:0",
                        "distribution": "TruncatedNormal",
                        "bounds": [-0.35, 0.35],
                    }
                ],
            },
        )
        # cluster_utils keeps its processors busy, so it may start more jobs than it was asked for.
        ended = len(re.findall(r"Job \d+ finished successfully", log))
        self.assertGreaterEqual(ended, 6, log)
        # One that was started beyond that may have been resumed but not ended with the search.
        resumed = len(re.findall(r"Job \d+ exited to be resumed", log))
        self.assertGreaterEqual(resumed, ended, log)
        self.assertNotIn(" - ERROR - ", log)
        rows = self.all_data(results)
        self.assertEqual(len(rows), ended)
        for row in rows:
            position = float(row["config.hysr_config.robot_position:0"])
            means = [-((position - 0.1) ** 2) - 0.001 * run for run in range(2)]
            self.assertAlmostEqual(float(row["mean_eprewmean"]), support.mean(means), places=9)
            self.assertGreater(float(row["time_elapsed"]), 0)
        self.assertTrue(os.listdir(os.path.join(results, "best_jobs")))
        self.check_no_failed_marks(job)
        kept = os.listdir(os.path.join(job.folder, "kept"))
        self.assertEqual(len(kept), ended, kept)

    def all_data(self, results):
        with open(os.path.join(results, "all_data.csv"), newline="") as file:
            return list(csv.DictReader(file))

    def check_no_failed_marks(self, job):
        """The last start of every job ended well. (cluster_utils marks a restart, 3, as failed.)"""
        for folder, _, names in os.walk(os.path.join(job.folder, "cache")):
            for name in names:
                if name.endswith(".FAILED"):
                    with open(os.path.join(folder, name)) as file:
                        self.assertEqual(file.read().strip(), "3", name)

    def repository(self, job):
        """A git repository with the wrapper; cluster_utils clones it for its jobs."""
        path = os.path.join(job.folder, "repository")
        os.makedirs(os.path.join(path, "scripts"))
        shutil.copy(support.WRAPPER, os.path.join(path, "scripts"))
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Wrapper"]):
            subprocess.run([*git, *command], cwd=path, check=True)
        return path

    def test_a_sample_that_fails_for_good_does_not_stop_a_search_from_a_fresh_clone(self):
        job = self.job({"*": {"reward_of_parameters": True}})
        # The sample fails whose parameter says so.
        job.plan["*"]["fails_beyond"] = 0.25
        log, results = self.search(
            "cluster_utils.grid_search",
            job,
            {
                "run_in_working_dir": False,
                "git_params": {
                    "url": "file://" + self.repository(job),
                    "branch": "main",
                    "commit": None,
                },
                "fixed_params": self.fixed(job, max_attempts=1),
                "restarts": 1,
                "samples": None,
                "local_run": True,
                "load_existing_results": False,
                "hyperparam_list": [
                    {
                        "param": "config.hysr_config.robot_position:0",
                        "values": [-0.2, 0.1, 0.2, 0.3],
                    }
                ],
            },
        )
        self.assertEqual(len(re.findall(r"Job \d+ finished successfully", log)), 3, log)
        self.assertEqual(len(re.findall(r"Job \d+ died with error", log)), 1, log)
        self.assertIn("failed once", log)
        self.assertIn("beyond what the table allows", log)
        means = {
            float(row["config.hysr_config.robot_position:0"]): float(row["mean_eprewmean"])
            for row in self.all_data(results)
            if row["mean_eprewmean"]
        }
        self.assertEqual(sorted(means), [-0.2, 0.1, 0.2])
        self.assertEqual(max(means, key=means.get), 0.1)


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


if __name__ == "__main__":
    support.main()
