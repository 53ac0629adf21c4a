"""Jobs on the real Slurm whose node dies, or seems to."""

import slurm_cluster
import slurm_testing

import support

SINGLE = "reprise_single_node.sbatch"


class NodeLoss(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 2, "cpus": 8, "lines": [slurm_cluster.QUICK_LOSS]}

    def test_a_lost_node_costs_no_attempt_and_a_job_that_only_loses_nodes_ends(self):
        """Two jobs are on the node, one of which may not be started again."""
        where = ["--nodelist=node1"]
        job, number = self.start_one_that_waits(SINGLE, *where, max_attempts=1)
        ends, ends_number = self.start_one_that_waits(SINGLE, *where, **{"runner.max_restarts": 0})
        self.slurm.kill_node("node1")
        for one in (job, ends):
            support.wait_until(lambda one=one: not one.processes(), "the end of all processes")
            one.open_gate()
        for one in (number, ends_number):
            self.wait_for_state(job, one, "PENDING", "COMPLETED", "FAILED")
        self.slurm.start_node("node1")
        self.wait_for_success(job, number)
        self.check_it_went_on(job)
        self.assertEqual(self.outcomes(job), ["lost", "finished"])
        self.wait_for_state(ends, ends_number, "FAILED")
        self.assertIn("which is runner.max_restarts", self.output(ends))
        self.assertEqual(self.outcomes(ends), ["lost", "failed"])
        self.assertEqual(self.attempts_of(ends, 0), [("run_0.0-0", "succeeded")])

    def test_a_lost_slurmd_whose_job_goes_on_harms_nothing(self):
        """Slurm takes the node for lost and starts the job on another one, while the old processes
        still train: the new start waits for the lock, as two must not write at the same time."""
        job, number = self.start_one_that_waits(SINGLE)
        self.slurm.kill_slurmd(self.slurm.job_field(number, "NodeList"))
        self.wait_for_state(job, number, "PENDING", "RUNNING")
        self.wait_for_text(job, "waiting for")
        job.open_gate()
        self.wait_for_success(job, number)


if __name__ == "__main__":
    slurm_testing.main()
