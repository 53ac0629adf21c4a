"""Settings of a search on the real Slurm, and one that waits for what the test does to a job."""

import os
import re
import subprocess

import slurm_testing

import support

SAMPLES = 6
RANKS_BY_SRUN = {"is_python_script": False, "variables": {"SLURM_MPI_TYPE": "pmix"}}
STUBBORN_SRUN = os.path.join(slurm_testing.SCRIPTS, "cluster_utils")
WITH_STUBBORN_SRUN = {"variables": {"PATH": f"{STUBBORN_SRUN}:$PATH"}}
RANKS_ON_SEVERAL_NODES = {
    "is_python_script": False,
    "variables": {
        "SLURM_MPI_TYPE": "pmix",
        **WITH_STUBBORN_SRUN["variables"],
        **slurm_testing.BETWEEN_NODES,
    },
}


class SlurmSearchTest(slurm_testing.SlurmTest):
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

    def search_whose_job_1_waits(self, requirements=None, setup=None, **parameters):
        """requirements, setup: more of cluster_requirements, environment_setup. Returns the search,
        its job and the number that Slurm has for job 1, whose learning run 0 has succeeded, while
        learning run 1 waits at the gate. The other jobs have ended: what is done to job 1, or to a
        node, is done to nothing that is just starting up."""
        job = self.job({"*": {"reward_of_parameters": True}})
        job.plan["1.*"] = {"in": {"1": {"gate": job.gate()}}}
        settings = self.settings(job, training_iterations=1, **parameters)
        settings["optimization_setting"]["number_of_samples"] = 3
        settings["cluster_requirements"].update(requirements or {})
        settings["environment_setup"].update(setup or {})
        search = self.start_search("cluster_utils.hp_optimization", job, settings)
        job.working_dir = os.path.join(search.results, "working_directories", "1")
        support.wait_until(
            lambda: os.path.exists(job.path("run_1.0-0", "trained"))
            and "run_0.0-0 succeeded" in search.job_output(1)
            and len(re.findall(r"Job [02] finished successfully", search.log)) == 2,
            "job 1 that waits alone",
            60,
            state=lambda: search.log + search.job_output(),
        )
        (number,) = re.findall(r"Job with id 1 submitted with cluster id (\d+)", search.log)
        return search, job, number

    def finish(self, search):
        try:
            code = search.wait(100)
        except subprocess.TimeoutExpired:
            code = "waits for ever"
        if code != 0:
            self.fail(f"{code}\n{search.output}{search.log}{search.job_output()}{self.facts()}")

    def facts(self):
        """What Slurm has to say, for messages."""
        accounts = "--format=JobID,State,ExitCode,NodeList,Start,End"
        words = ("sacct", "--duplicates", accounts)
        return self.slurm.run(*words, check=False) + self.slurm.logs(200)

    def check_job_1_went_on(self, search, number):
        """Slurm has started it again, and no word was said in between."""
        self.finish(search)
        log = search.log
        self.assertEqual(len(re.findall(r"Job 1 started on", log)), 2, log)
        self.assertEqual(len(re.findall(r"Job 1 finished successfully", log)), 1, log)
        self.assertNotRegex(log, "Job 1 (died|exited)")
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "1")
        self.assertEqual(search.job_output(1).count("run_0.0-0 starts"), 1)
