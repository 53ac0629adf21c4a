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

    def check_search(self, search, failing):
        """Every job was restarted once; one of them failed for good and was told so."""
        log = search.log
        ended = re.findall(r"Job (\d+) finished successfully", log)
        resumed = re.findall(r"Job (\d+) exited to be resumed", log)
        self.assertGreaterEqual(len(ended), SAMPLES, log)
        self.assertLessEqual(set(ended), set(resumed), log)
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


if __name__ == "__main__":
    slurm_testing.main()
