"""Jobs on the real Slurm whose node is given to somebody else."""

import os

import slurm_testing

PREEMPTABLE = "reprise_preemptable.sbatch"
CPUS = 4


class Preemption(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 1, "cpus": CPUS}

    def take_the_node_away(self):
        """A job of somebody more important, which is over soon."""
        words = ["--partition=high", f"--cpus-per-task={CPUS}", f"--output={os.devnull}"]
        return self.slurm.run("sbatch", "--parsable", *words, "--wrap", "sleep 2").strip()

    def preempt(self, job, number):
        other = self.take_the_node_away()
        self.wait_for_state(job, other, "COMPLETED")
        job.open_gate()
        self.wait_for_success(job, number)
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "1")
        self.check_it_went_on(job)
        self.assertEqual(job.start_rows[-1]["number"], 1, "each start is counted once")

    def test_a_preempted_job_is_requeued_by_slurm(self):
        job, number = self.start_one_that_waits(PREEMPTABLE, "--partition=low")
        self.preempt(job, number)

    def test_a_job_that_is_given_grace_puts_itself_back_into_the_queue(self):
        """Slurm would let it end for good: it has left before the grace was over."""
        job, number = self.start_one_that_waits(PREEMPTABLE, "--partition=polite")
        self.preempt(job, number)

    def test_a_preempted_job_that_is_cancelled_stays_cancelled(self):
        job, number = self.start_one_that_waits(PREEMPTABLE, "--partition=victim")
        self.take_the_node_away()
        self.wait_for_state(job, number, "PREEMPTED")
        job.open_gate()
        self.wait_for_success(job, self.submit(job, PREEMPTABLE, "--partition=victim"))
        self.check_it_went_on(job)


if __name__ == "__main__":
    slurm_testing.main()
