"""The real cluster_utils on the real Slurm, from the start of a search to its best jobs."""

import os
import re

import slurm_testing

import support

SAMPLES = 6


class SearchesOnSlurm(slurm_testing.SlurmTest):
    # pmix is what many sites have as their default; the program must not take srun's step for one
    # whose ranks srun has started.
    CLUSTER = {"mpi_default": "pmix"}

    def settings(self, job, **parameters):
        return {
            "run_in_working_dir": True,
            "environment_setup": {},
            "cluster_requirements": {
                "partition": "main",
                "request_cpus": 2,
                "memory_in_mb": 1000,
                "request_time": "00:05:00",
                "signal_seconds_to_timeout": 60,
            },
            "fixed_params": {
                "learning_runs_per_job": 2,
                "training_iterations": 2,
                "max_attempts": 2,
                "config.config_templates": job.templates,
                "runner.results_dir": os.path.join(job.folder, "kept"),
                **parameters,
            },
            "optimizer_str": "cem_metaoptimizer",
            "optimizer_settings": {"with_restarts": False, "num_jobs_in_elite": 2},
            "optimization_setting": {
                "metric_to_optimize": "mean_eprewmean",
                "minimize": False,
                "number_of_samples": SAMPLES,
                "n_jobs_per_iteration": 3,
            },
            "num_best_jobs_whose_data_is_kept": 2,
            "optimized_params": [
                {
                    "param": "config.hysr_config.robot_position:0",
                    "distribution": "TruncatedNormal",
                    "bounds": [-0.35, 0.35],
                }
            ],
        }

    def check_search(self, search, failing, once=True):
        """Every job was restarted (once); one of them failed for good and was told so."""
        log = search.log
        ended = re.findall(r"Job (\d+) finished successfully", log)
        resumed = re.findall(r"Job (\d+) exited to be resumed", log)
        self.assertGreaterEqual(len(ended), SAMPLES - 1, log)  # cluster_utils counts the failed one
        self.assertLessEqual(set(ended), set(resumed), log)
        if once:
            self.assertEqual(len(resumed), len(set(resumed)), "a job needs one restart")
        self.assertEqual(re.findall(r"Job (\d+) died with error", log), [failing], log)
        self.assertIn("this sample fails", log)
        rows = search.all_data()
        self.assertEqual(len(rows), len(ended))
        for row in rows:
            position = float(row["config.hysr_config.robot_position:0"])
            means = [-((position - 0.1) ** 2) - 0.001 * run for run in range(2)]
            self.assertAlmostEqual(float(row["mean_eprewmean"]), support.mean(means), places=9)
        self.assertTrue(os.listdir(os.path.join(search.results, "best_jobs")))

    def test_the_wrapper_inside_the_step_that_cluster_utils_makes(self):
        job = self.job(
            {
                "*": {"reward_of_parameters": True, "fails_in": ["2"]},
                "1.0-0": {"ends_with": 1},
            }
        )
        search = self.run_search("cluster_utils.hp_optimization", job, self.settings(job))
        self.check_search(search, failing="2")
        self.assertIn("starting 2 ranks", search.job_output())

    def search_with_ranks_by_srun(self, nodes):
        job = self.job(
            {
                "*": {"reward_of_parameters": True, "fails_in": ["2"]},
                "1.0-0": {"ends_with": 1},
            }
        )
        settings = self.settings(job)
        settings["environment_setup"] = {
            "is_python_script": False,
            "variables": {"SLURM_MPI_TYPE": "pmix"},
        }
        settings["cluster_requirements"]["request_cpus"] = 1  # of each rank
        options = ["--ntasks=2", f"--nodes={nodes}"]
        settings["cluster_requirements"]["extra_submission_options"] = options
        search = self.run_search("cluster_utils.hp_optimization", job, settings)
        # A rank that Open MPI loses at its start is one more restart, and nothing else.
        self.check_search(search, failing="2", once=False)
        for number in set(re.findall(r"Job (\d+) finished successfully", search.log)):
            self.check_ranks_of(search, job, number, nodes)

    def check_ranks_of(self, search, job, number, nodes):
        """All ranks got the whole command line; one of them registered, reported and wrote."""
        starts = len(re.findall(rf"Job {number} started on", search.log))
        results = len(re.findall(rf"Job {number} sent results", search.log))
        output = search.job_output(number)
        self.assertEqual(results, 1, search.log)
        self.assertEqual(output.count("srun has started 2 ranks"), starts, output)
        (path,) = [
            os.path.join(job.folder, "kept", name)
            for name in os.listdir(os.path.join(job.folder, "kept"))
            if name.startswith(f"{number}-")
        ]
        outcomes = [row["outcome"] for row in support.read_rows(path, "starts")]
        self.assertEqual(len(outcomes), starts)
        self.assertEqual(outcomes[-1], "finished")
        attempts = support.read_rows(path, "attempts")
        for start in {row["start_number"] for row in attempts}:
            hosts = {row["host"] for row in attempts if row["start_number"] == start}
            self.assertEqual(len(hosts), nodes, attempts)

    def test_ranks_that_srun_starts_on_one_node(self):
        self.search_with_ranks_by_srun(nodes=1)

    def test_ranks_that_srun_starts_on_two_nodes(self):
        self.search_with_ranks_by_srun(nodes=2)

    def test_a_job_that_looks_bad_is_ended_early_without_a_word(self):
        """Job 5 stops in the middle. When five others have ended, cluster_utils takes its last
        report as its result and cancels it; any word would spoil that."""
        bad = {"reward_of_parameters": False, "reward": -50.0, "gate": "/no/such/gate"}
        good = {"reward_of_parameters": True, "rows": 4, "row_s": 0.1, "in": {"5": bad}}
        job = self.job({"*": good})
        settings = self.settings(job, training_iterations=1, **{"runner.early_reports": 4})
        settings["optimization_setting"]["n_jobs_per_iteration"] = SAMPLES
        settings["kill_bad_jobs_early"] = True
        settings["early_killing_params"] = {"target_rank": 3, "how_many_stds": 0.0}
        search = self.run_search("cluster_utils.hp_optimization", job, settings)
        log = search.log
        self.assertEqual(len(re.findall("Cancel job with cluster id", log)), 1, log)
        self.assertNotRegex(log, "died with error|exited to be resumed")
        worst = min(float(row["mean_eprewmean"]) for row in search.all_data())
        self.assertLess(worst, -49)
        self.assertIn("CANCELLED", self.slurm.run("sacct", "-X", "--format=State"))
        self.assertEqual(re.findall("resumed|died", search.log), [])

    def search_whose_job_1_waits(self, **parameters):
        """Returns the search, its job and the number that Slurm has for job 1, whose learning run 0
        has succeeded, while learning run 1 waits at the gate."""
        job = self.job({"*": {"reward_of_parameters": True}})
        job.plan["1.*"] = {"in": {"1": {"gate": job.gate()}}}
        settings = self.settings(job, training_iterations=1, **parameters)
        settings["optimization_setting"]["number_of_samples"] = 3
        search = self.start_search("cluster_utils.hp_optimization", job, settings)
        job.working_dir = os.path.join(search.results, "working_directories", "1")
        support.wait_until(
            lambda: os.path.exists(job.path("run_1.0-0", "trained"))
            and "run_0.0-0 succeeded" in search.job_output(1),
            "job 1 that waits",
            60,
            state=lambda: search.log + search.job_output(),
        )
        (number,) = re.findall(r"Job with id 1 submitted with cluster id (\d+)", search.log)
        return search, job, number

    def finish(self, search):
        code = search.wait(100)
        self.assertEqual(code, 0, search.output + search.log + search.job_output())

    def test_a_job_of_a_search_that_slurm_requeues_goes_on(self):
        search, job, number = self.search_whose_job_1_waits()
        self.slurm.run("scontrol", "requeue", number)
        job.open_gate()
        self.finish(search)
        log = search.log
        self.assertEqual(len(re.findall(r"Job 1 started on", log)), 2, log)
        self.assertEqual(len(re.findall(r"Job 1 finished successfully", log)), 1, log)
        self.assertNotRegex(log, "died with error|exited to be resumed")
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "1")
        self.assertEqual(search.job_output(1).count("run_0.0-0 starts"), 1)

    def test_a_job_that_somebody_cancels_does_not_keep_the_search_waiting(self):
        search, job, number = self.search_whose_job_1_waits()
        self.slurm.run("scancel", number)
        job.open_gate()
        self.finish(search)
        log = search.log
        self.assertEqual(re.findall(r"Job (\d+) died with error", log), ["1"], log)
        self.assertRegex(log, "(?i)cancelled")
        self.assertNotIn("exited to be resumed", log)
        self.assertGreaterEqual(len(re.findall("finished successfully", log)), 2, log)
        self.assertEqual(self.slurm.job_state(number), "CANCELLED")


if __name__ == "__main__":
    slurm_testing.main()
