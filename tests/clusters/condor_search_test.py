"""The real cluster_utils on a real HTCondor, from the start of a search to its best jobs."""

import os
import re

import condor_testing
import newer_box

import searches
import support
import surroundings

SAMPLES = 4


class SearchesOnCondor(condor_testing.CondorTest, searches.SearchTest):
    SEARCH_PREFIX = newer_box.ALMOST_USER

    def settings(self, job, **parameters):
        return {
            "run_in_working_dir": True,
            # `exec`: the program takes the place of cluster_utils' shell, which would keep the
            # signal of a vacate to itself.
            "environment_setup": {"custom_python_executable_path": "exec python3"},
            "cluster_requirements": {
                "request_cpus": 2,
                "request_gpus": 0,
                "memory_in_mb": 1000,
                "bid": 10,
            },
            "fixed_params": {
                "learning_runs_per_job": 2,
                "max_attempts": 2,
                "config.config_templates": job.templates,
                "runner.results_dir": os.path.join(job.folder, "kept"),
                **parameters,
            },
            "num_best_jobs_whose_data_is_kept": 2,
        }

    def optimization(self, job, samples=SAMPLES, at_once=2, **parameters):
        return {
            **self.settings(job, **parameters),
            "optimizer_str": "cem_metaoptimizer",
            "optimizer_settings": {"with_restarts": False, "num_jobs_in_elite": 2},
            "optimization_setting": {
                "metric_to_optimize": "mean_eprewmean",
                "minimize": False,
                "number_of_samples": samples,
                "n_jobs_per_iteration": at_once,
            },
            "optimized_params": [
                {
                    "param": "config.hysr_config.robot_position:0",
                    "distribution": "TruncatedNormal",
                    "bounds": [-0.35, 0.35],
                }
            ],
        }

    def job_logs(self, search):
        """HTCondor's logs of the jobs by their numbers."""
        logs = {}
        for path in search.job_files:
            found = re.search(r"job_\d+_(\d+)\.sh\.log$", path)
            if found:
                logs[found[1]] = condor_testing.JobLog(path)
        return logs

    def test_hp_optimization(self):
        """Two iterations, so that each job is held and released once; one fails for good."""
        job = self.job(
            {"*": {"reward_of_parameters": True, "fails_in": ["1"]}, "1.0-0": {"ends_with": 1}}
        )
        search = self.run_search(
            "cluster_utils.hp_optimization", job, self.optimization(job, training_iterations=2)
        )
        self.assertIn("CONDOR detected", search.log)
        ended = re.findall(r"Job (\d+) finished successfully", search.log)
        resumed = re.findall(r"Job (\d+) exited to be resumed", search.log)
        self.assertGreaterEqual(len(ended), SAMPLES - 1, search.log)
        self.assertLessEqual(set(ended), set(resumed), search.log)
        self.assertEqual(re.findall(r"Job (\d+) died with error", search.log), ["1"], search.log)
        self.assertIn("this sample fails", search.log)
        rows = search.all_data()
        self.assertEqual(len(rows), len(ended))
        for row in rows:
            position = float(row["config.hysr_config.robot_position:0"])
            means = [-((position - 0.1) ** 2) - 0.001 * run for run in range(2)]
            self.assertAlmostEqual(float(row["mean_eprewmean"]), support.mean(means), places=9)
        self.assertTrue(os.listdir(os.path.join(search.results, "best_jobs")))
        logs = self.job_logs(search)
        for number in ended:
            log = logs[number]
            self.assertEqual((log.holds, log.executions), ([("3", "2")], 2), log.text)
        # The last ones to end may not have been written down when the search is over.
        surroundings.wait_until(
            lambda: [logs[number].return_value for number in ended] == [0] * len(ended), "code 0"
        )
        self.assertEqual((logs["1"].return_value, logs["1"].holds), (1, []), logs["1"].text)

    def test_a_job_that_looks_bad_is_ended_early_without_a_word(self):
        """Job 5 stops in the middle. When five others have ended, cluster_utils takes its last
        report as its result and removes it; any word would spoil that."""
        bad = {"reward_of_parameters": False, "reward": -50.0, "gate": "/no/such/gate"}
        good = {"reward_of_parameters": True, "rows": 4, "row_s": 0.1, "in": {"5": bad}}
        job = self.job({"*": good})
        settings = self.optimization(job, samples=6, at_once=6, **{"runner.early_reports": 4})
        settings["kill_bad_jobs_early"] = True
        settings["early_killing_params"] = {"target_rank": 3, "how_many_stds": 0.0}
        search = self.run_search("cluster_utils.hp_optimization", job, settings)
        self.assertNotRegex(search.log, "died with error|exited to be resumed")
        worst = min(float(row["mean_eprewmean"]) for row in search.all_data())
        self.assertLess(worst, -49)
        log = self.job_logs(search)["5"]
        surroundings.wait_until(lambda: log.count("Job was aborted") == 1, "the removal")
        self.assertEqual(re.findall("resumed|died", search.log), [])

    def test_a_vacated_job_saves_its_state_and_goes_on(self):
        search, kept = self.vacated_search()
        for path in kept:
            attempts = support.read_rows(path, "attempts")
            self.assertEqual(
                [(row["name"], row["outcome"]) for row in attempts],
                [
                    ("run_0.0-0", "succeeded"),
                    ("run_1.0-0", "interrupted"),
                    ("run_1.0-0.part1", "succeeded"),
                ],
            )
            starts = support.read_rows(path, "starts")
            self.assertEqual([row["outcome"] for row in starts], ["terminated", "finished"])
        self.assertEqual(re.findall(r"Job \d+ (?:died|exited to be).*", search.log), [])

    def test_a_vacated_job_goes_on_where_the_shell_keeps_the_signal_to_itself(self):
        """Without "exec python3" the shell dies of it, and HTCondor kills the rest at once."""
        search, kept = self.vacated_search(environment_setup={})
        for path in kept:
            attempts = support.read_rows(path, "attempts")
            self.assertEqual(
                [(row["name"], row["outcome"]) for row in attempts],
                [
                    ("run_0.0-0", "succeeded"),
                    ("run_1.0-0", "lost"),
                    ("run_1.0-0.part1", "succeeded"),
                ],
            )
        self.assertEqual(re.findall(r"Job \d+ died.*", search.log), [])

    def vacated_search(self, **settings):
        """A search of two samples that are vacated while they train their second learning run;
        returns it after its end, and the paths of its results files."""
        job = self.job()
        job.plan = {
            "*": {"reward_of_parameters": True},
            "1.0-0": {"gate": job.gate()},
        }
        search = self.start_search(
            "cluster_utils.grid_search",
            job,
            {
                **self.settings(job, **{"runner.ranks": 1}),
                **settings,
                "restarts": 1,
                "samples": None,
                "local_run": None,
                "load_existing_results": False,
                "hyperparam_list": [
                    {"param": "config.hysr_config.robot_position:0", "values": [-0.2, 0.1]}
                ],
            },
        )

        def trains():
            return [
                process
                for process in job.processes()
                if process.directory.endswith("run_1.0-0")
                and os.path.exists(f"/proc/{process.pid}/root{process.directory}/trained")
            ]

        surroundings.wait_until(
            lambda: len({process.directory for process in trains()}) == 2,
            "both jobs train their second run",
            state=lambda: search.output + search.log + search.job_output(),
        )
        self.condor.call("condor_vacate_job", "-all")
        surroundings.wait_until(
            lambda: sum(log.evictions for log in self.job_logs(search).values()) == 2,
            "two evictions",
            state=search.job_output,
        )
        job.open_gate()
        self.assertEqual(search.wait(), 0, search.output + search.log + search.job_output())
        self.assertEqual(len(re.findall(r"Job \d+ finished successfully", search.log)), 2)
        kept = os.path.join(job.folder, "kept")
        return search, [os.path.join(kept, name) for name in os.listdir(kept)]


if __name__ == "__main__":
    condor_testing.main()
