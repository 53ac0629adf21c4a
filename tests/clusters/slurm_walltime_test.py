"""Jobs whose time is over, on the real Slurm, which looks at the time every half minute only."""

import re

import slurm_searches
import slurm_testing

SINGLE = "reprise_single_node.sbatch"


class Walltime(slurm_searches.SlurmSearchTest):
    CLUSTER = {"nodes": 2, "cpus": 6}

    def test_the_announced_time_limit(self):
        """The job leaves in order, goes back into the queue by itself, and goes on."""
        limit = ["--time=1", "--signal=B:USR1@60"]
        job, number = self.start_one_that_waits(SINGLE, *limit, **{"runner.stop_margin_s": 1})
        self.wait_for_state(job, number, "PENDING")
        self.assertEqual(self.outcomes(job), ["resume"], self.output(job))
        self.assertEqual(self.attempts_of(job, 1), [("run_1.0-0", "interrupted")])
        job.open_gate()
        self.wait_for_success(job, number)
        self.check_it_went_on(job)

    def test_a_time_limit_in_a_search_that_nobody_announces(self):
        """The job has asked Slurm for its end, and leaves before it: Slurm would kill it, and the
        search would wait for ever."""
        limits = {"request_time": "00:01:00", "signal_seconds_to_timeout": None}
        search, job, number = self.search_whose_job_1_waits(
            limits, **{"runner.stop_margin_s": 30}
        )
        self.wait_for_state(job, number, "COMPLETED")
        job.open_gate()
        self.finish(search)
        log = search.log
        self.assertEqual(re.findall(r"Job (\d+) exited to be resumed", log), ["1"], log)
        self.assertEqual(len(re.findall(r"Job 1 finished successfully", log)), 1, log)
        self.assertNotIn("died with error", log)
        self.assertEqual(search.job_output(1).count("run_0.0-0 starts"), 1)


if __name__ == "__main__":
    slurm_testing.main()
