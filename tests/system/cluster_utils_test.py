"""The real cluster_utils runs searches with real jobs of the program and the scripted trainer.

Started with the Python of the virtual environment that has cluster-utils[runner] 3.0.0.
"""

import os
import re
import shutil
import subprocess

import searches
import support

# Jobs start in a clone, from where a plan in /tmp is out of sight: it is private there.
support.FOLDERS_IN = "/var/tmp"


class ClusterUtilsTest(searches.SearchTest):
    def search(self, module, job, settings):
        """On this machine: without what cluster_utils would take a cluster by."""
        path = searches.without_cluster(job.environment["PATH"], job.folder)
        job.environment["PATH"] = path
        cpus = {"request_cpus": 1, "max_cpus": 2}
        local = {"environment_setup": {}, "cluster_requirements": cpus}
        return self.run_search(module, job, {**local, **settings})

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
        search = self.search(
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
        log = search.log
        # cluster_utils keeps its processors busy, so it may start more jobs than it was asked for.
        ended = len(re.findall(r"Job \d+ finished successfully", log))
        self.assertGreaterEqual(ended, 6, log)
        # One that was started beyond that may have been resumed but not ended with the search.
        resumed = len(re.findall(r"Job \d+ exited to be resumed", log))
        self.assertGreaterEqual(resumed, ended, log)
        self.assertNotIn(" - ERROR - ", log)
        rows = search.all_data()
        self.assertEqual(len(rows), ended)
        for row in rows:
            position = float(row["config.hysr_config.robot_position:0"])
            means = [-((position - 0.1) ** 2) - 0.001 * run for run in range(2)]
            self.assertAlmostEqual(float(row["mean_eprewmean"]), support.mean(means), places=9)
            self.assertGreater(float(row["time_elapsed"]), 0)
        self.assertTrue(os.listdir(os.path.join(search.results, "best_jobs")))
        self.check_no_failed_marks(search)
        kept = os.listdir(os.path.join(job.folder, "kept"))
        self.assertEqual(len(kept), ended, kept)

    def check_no_failed_marks(self, search):
        """The last start of every job ended well. (cluster_utils marks a restart, 3, as failed.)"""
        for path in search.job_files:
            if path.endswith(".FAILED"):
                with open(path) as file:
                    self.assertEqual(file.read().strip(), "3", path)

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
        search = self.search(
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
        log = search.log
        self.assertEqual(len(re.findall(r"Job \d+ finished successfully", log)), 3, log)
        self.assertEqual(len(re.findall(r"Job \d+ died with error", log)), 1, log)
        self.assertIn("failed once", log)
        self.assertIn("beyond what the table allows", log)
        means = {
            float(row["config.hysr_config.robot_position:0"]): float(row["mean_eprewmean"])
            for row in search.all_data()
            if row["mean_eprewmean"]
        }
        self.assertEqual(sorted(means), [-0.2, 0.1, 0.2])
        self.assertEqual(max(means, key=means.get), 0.1)


if __name__ == "__main__":
    support.main()
