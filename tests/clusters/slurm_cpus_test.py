"""The CPUs of a step on a real Slurm that binds tasks to cores. (By default, a step of one task
gets all CPUs of its job on the node; `srun --exact` and this setting of a site give it fewer.)

A machine with one CPU has nothing to bind to: there the node only says that it has two, and the
step gets fewer than its job because there are no more.
"""

import os

import slurm_testing

import support

MACHINE_CPUS = len(os.sched_getaffinity(0))
CAN_BIND = MACHINE_CPUS > 1
CPUS = max(MACHINE_CPUS, 2)
NOTICE = f"this step of Slurm may use 1 of the {CPUS} CPUs of its task"


class CpusOfAStep(slurm_testing.SlurmTest):
    CLUSTER = {
        "nodes": 1,
        "cpus": CPUS,
        "task_plugin": "task/affinity" if CAN_BIND else "task/none",
        "lines": ["TaskPluginParam=autobind=cores"],
    }

    def run_in_step(self, **variables):
        """As cluster_utils starts its jobs; the output, and the CPUs of the training."""
        job = self.batch_job({"*": {}}, learning_runs_per_job=1)
        job.environment.update(variables)
        words = ["sbatch", "--parsable", "--wait", f"--cpus-per-task={CPUS}"]
        words += [f"--output={job.folder}/reprise-1.out", f"--chdir={job.folder}", "--wrap"]
        command = f"srun {support.REPRISE} job {' '.join(job.arguments())}"
        self.run_client([*words, command], job)
        return self.output(job), job.facts("run_0.0-0")["cpus"]

    def test_a_step_that_got_one_cpu_is_told_what_to_write(self):
        output, cpus = self.run_in_step()
        self.assertIn(NOTICE, output)
        self.assertEqual(len(cpus), 1)
        if not CAN_BIND:
            return
        # The line that it tells to write, as the job's shell makes it of the settings.
        output, cpus = self.run_in_step(SRUN_CPUS_PER_TASK=str(CPUS))
        self.assertNotIn(NOTICE, output)
        self.assertEqual(len(cpus), CPUS)


if __name__ == "__main__":
    slurm_testing.main()
