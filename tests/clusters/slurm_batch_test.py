"""The batch scripts of slurm/, as they stand, on the real Slurm: restarts, their limit, and what
scancel and scontrol requeue do to a job."""

import json
import os

import slurm_testing

import support

SINGLE = "reprise_single_node.sbatch"
SEVERAL = "reprise_several_nodes.sbatch"
ARRAY = "reprise_array.sbatch"


class BatchScripts(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 3, "cpus": 8}

    def test_a_job_restarts_itself_until_all_is_trained(self):
        job = self.batch_job({"*": {}, "1.0-0": {"ends_with": 1}}, training_iterations=3)
        number = self.submit(job, SINGLE)
        self.wait_for_success(job, number)
        self.assertEqual(self.outcomes(job), ["resume", "resume", "finished"])
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "2")
        self.assertEqual(len(job.attempts), 3 * 3 + 1)

    def test_a_job_on_several_nodes_restarts_itself(self):
        """Cancelled in its second start it has saved what it had, and goes on when submitted."""
        job = self.batch_job({"*": {}, "1.1*": {"gate": True}}, training_iterations=2)
        job.environment.update(slurm_testing.BETWEEN_NODES)
        number = self.submit(job, SEVERAL)
        self.wait_for_training(job, "run_1.1-0")
        self.wait_for_text(job, "run_2.1-0 succeeded")
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "1")
        self.slurm.run("scancel", number)
        self.wait_for_state(job, number, "CANCELLED")
        job.open_gate()
        again = self.submit(job, SEVERAL)
        self.wait_for_success(job, again)
        self.assertEqual(self.outcomes(job)[0], "resume")
        self.assertEqual(self.outcomes(job)[-1], "finished")
        hosts = {row["host"] for row in job.attempts if row["start_number"] == 0}
        self.assertEqual(hosts, set(self.slurm.nodes))
        parts = self.attempts_of(job, 1)
        self.assertEqual(parts[0], ("run_1.0-0", "succeeded"))
        self.assertEqual(parts[-1], ("run_1.1-0.part1", "succeeded"))
        self.assertEqual(len(parts), 3)

    def test_the_limit_of_restarts_is_kept_in_the_results_file(self):
        """Also when the job is submitted anew, so that Slurm counts from 0 again."""
        job = self.batch_job({"*": {}}, training_iterations=9, **{"runner.max_restarts": 1})
        number = self.submit(job, SINGLE)
        self.wait_for_state(job, number, "FAILED")
        self.assertEqual(self.slurm.job_field(number, "ExitCode"), "1:0")
        self.assertEqual(self.outcomes(job), ["resume", "resume", "failed"])
        self.assertIn("which is runner.max_restarts", self.output(job))
        again = self.submit(job, SINGLE)
        self.wait_for_state(job, again, "FAILED")
        self.assertEqual(self.slurm.job_field(again, "Restarts"), "0")
        self.assertEqual(self.output(job).count("which is runner.max_restarts"), 2)
        # The limit is the user's to raise.
        more = self.submit(job, SINGLE, more=["runner.max_restarts=100", "training_iterations=9"])
        self.wait_for_state(job, more, "PENDING")
        self.slurm.run("scancel", more)

    def test_a_cancelled_job_stays_cancelled_and_its_state_is_saved(self):
        job, number = self.start_one_that_waits(SINGLE)
        self.slurm.run("scancel", number)
        self.wait_for_state(job, number, "CANCELLED")
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "0")
        self.assertIn("the job was cancelled. What is done is saved", self.output(job))
        job.open_gate()
        self.wait_for_success(job, self.submit(job, SINGLE))
        self.check_it_went_on(job)

    def test_a_job_that_is_requeued_goes_on(self):
        job, number = self.start_one_that_waits(SINGLE)
        self.slurm.run("scontrol", "requeue", number)
        support.wait_until(lambda: not job.processes(), "the end of the first start")
        job.open_gate()
        self.wait_for_success(job, number)
        self.assertEqual(self.slurm.job_field(number, "Restarts"), "1")
        self.check_it_went_on(job)

    def test_an_array_over_parameter_files(self):
        """Each task restarts by itself; one that fails stops no other."""
        job = self.batch_job({"*": {}})
        files = []
        for name, more in (("one", {}), ("two", {"max_attempts": 1}), ("three", {})):
            parameters = {
                **job.parameters,
                "training_iterations": 2,
                "learning_runs_per_job": 1,
                "working_dir": os.path.join(job.folder, name),
                **more,
            }
            files.append(os.path.join(job.folder, name + ".json"))
            with open(files[-1], "w") as file:
                json.dump(parameters, file)
        job.plan["*"]["fails_in"] = ["two"]
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        number = self.submit(job, ARRAY, "--array=0-3", arguments=files)
        for task, state in enumerate(("COMPLETED", "FAILED", "COMPLETED", "FAILED")):
            self.wait_for_state(job, f"{number}_{task}", state)
        output = self.output(job)
        self.assertIn("this sample fails", output)
        self.assertIn("no file for task 3: 3 files. Submit with --array=0-2.", output)
        for name in ("one", "three"):
            job.working_dir = os.path.join(job.folder, name)
            self.assertEqual(self.outcomes(job), ["resume", "finished"], output)


if __name__ == "__main__":
    slurm_testing.main()
