"""The real cluster_utils on the real Slurm, from the start of a search to its best jobs, in both
ways to start the ranks."""

import os
import re

import slurm_searches
import slurm_testing
from slurm_searches import SAMPLES

import support


class SearchesOnSlurm(slurm_searches.SlurmSearchTest):
    # pmix is what many sites have as their default; the program must not take srun's step for one
    # whose ranks srun has started.
    CLUSTER = {"mpi_default": "pmix"}

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
        # cluster_utils may start one more when the failed one ends, whose data come too late.
        rows = search.all_data()
        self.assertGreaterEqual(len(rows), SAMPLES - 1, log)
        self.assertLessEqual({row["id"] for row in rows}, set(ended), log)
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

    def search_with_ranks_by_srun(self, nodes, setup):
        job = self.job(
            {
                "*": {"reward_of_parameters": True, "fails_in": ["2"]},
                "1.0-0": {"ends_with": 1},
            }
        )
        settings = self.settings(job)
        settings["environment_setup"] = setup
        settings["cluster_requirements"]["request_cpus"] = 1  # of each rank
        options = ["--ntasks=2", f"--nodes={nodes}"]
        settings["cluster_requirements"]["extra_submission_options"] = options
        search = self.run_search("cluster_utils.hp_optimization", job, settings)
        # A rank that Open MPI loses at its start is one more restart, and nothing else.
        self.check_search(search, failing="2", once=False)
        for number in set(re.findall(r"Job (\d+) finished successfully", search.log)):
            self.check_ranks_of(search, job, number, nodes)
        return search

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
        self.search_with_ranks_by_srun(1, slurm_searches.RANKS_BY_SRUN)

    def test_ranks_that_srun_starts_on_two_nodes(self):
        search = self.search_with_ranks_by_srun(2, slurm_searches.RANKS_ON_SEVERAL_NODES)
        support.wait_until(
            lambda: not [path for path in search.job_files if ".reprise" in path],
            "the end of the last job, which takes its mark along",
        )


if __name__ == "__main__":
    slurm_testing.main()
