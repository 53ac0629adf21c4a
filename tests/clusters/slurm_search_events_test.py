"""What happens to jobs of a search on the real Slurm, and what the real server makes of it."""

import re

import slurm_searches
import slurm_testing
from slurm_searches import SAMPLES


class EventsInSearches(slurm_searches.SlurmSearchTest):
    CLUSTER = {"nodes": 2, "cpus": 6}

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

    def test_a_job_of_a_search_that_slurm_requeues_goes_on(self):
        search, job, number = self.search_whose_job_1_waits(
            setup=slurm_searches.WITH_STUBBORN_SRUN
        )
        self.slurm.run("scontrol", "requeue", number)
        job.open_gate()
        self.check_job_1_went_on(search, number)

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
