"""What a search hears of jobs on the real Slurm whose node dies."""

import json
import os
import re
import shlex

import slurm_cluster
import slurm_searches
import slurm_testing

import support
from support import CONCLUDED, RESULTS, STARTED, reward_of

# Of each task: in the first start the second one never comes up, and the first one begins when the
# second one's node is gone.
LATE_TASKS = """\
if [ -z "$SLURM_RESTART_COUNT" ]; then
    : > task_$SLURM_PROCID
    [ $SLURM_PROCID = 0 ] || exec sleep 1000
    until [ -e lost ]; do sleep 0.05; done
fi
exec "$@"
"""


class NodeLossAtTheBeginning(slurm_testing.SlurmTest):
    CLUSTER = {"nodes": 3, "cpus": 8, "lines": [slurm_cluster.QUICK_LOSS]}

    def test_a_node_is_lost_while_its_task_comes_up(self):
        """What is left of the step tries to reach the lost node's PMIx server, also when Slurm has
        started the job again; with the number of that step srun fails, and with the next one it
        works. No server would ever hear of that from the program, which has not begun."""
        job = self.job({"*": {}}, self.server(), learning_runs_per_job=2)
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        path = [slurm_searches.STUBBORN_SRUN, job.environment["PATH"]]
        job.environment["PATH"] = os.pathsep.join(path)
        job.environment.update(slurm_testing.BETWEEN_NODES)
        program = [support.REPRISE, "job", *job.arguments()]
        command = ["srun", "--mpi=pmix", "sh", "-c", LATE_TASKS, "sh", *program]
        words = ["sbatch", "--parsable", "--requeue", "--ntasks=2", "--nodes=2", "--nodelist=node1"]
        words += ["--open-mode=append", f"--output={job.folder}/reprise-1.out", "--wrap"]
        number = self.run_client([*words, shlex.join(command)], job).strip()
        self.addCleanup(self.slurm.run, "scancel", number, check=False)
        for task in range(2):
            support.wait_until(
                lambda name=f"task_{task}": os.path.exists(os.path.join(job.folder, name)),
                f"task {task}",
                60,
                state=lambda: self.output(job),
            )
        (other,) = re.findall(r"[-,](\d)", self.slurm.job_field(number, "NodeList"))
        self.slurm.kill_node(f"node{other}")
        job.open_gate("lost")
        self.wait_for_success(job, number)
        output = self.output(job)
        self.assertIn("before the program had begun (1 of 3)", output)
        self.assertEqual(job.server.names.count(STARTED), 2, output)
        self.assert_last_word(job.server, RESULTS, CONCLUDED)
        self.assert_mean(job.server, [reward_of(run, 0) for run in range(2)])


class NodeLossInSearches(slurm_searches.SlurmSearchTest):
    CLUSTER = {"nodes": 3, "cpus": 12, "lines": [slurm_cluster.QUICK_LOSS]}

    def test_jobs_of_searches_go_on_whoever_of_them_is_left(self):
        """One job is on the lost node, the other one on both. What is left of that must not ask for
        a new job: Slurm starts the old one again, when it has noticed."""
        searches = [
            self.search_whose_job_1_waits({"extra_submission_options": ["--exclude=node1"]}),
            self.search_whose_job_1_waits(
                {
                    "request_cpus": 1,
                    "extra_submission_options": ["--ntasks=2", "--nodes=2"],
                },
                slurm_searches.RANKS_ON_SEVERAL_NODES,
            ),
        ]
        self.assertEqual(self.slurm.job_field(searches[1][2], "BatchHost"), "node1")
        self.assertEqual(self.slurm.job_field(searches[0][2], "NodeList"), "node2")
        self.slurm.kill_node("node2")
        for _, job, number in searches:
            self.wait_for_state(job, number, "PENDING")
            job.open_gate()
        for search, _, number in searches:
            self.check_job_1_went_on(search, number)


if __name__ == "__main__":
    slurm_testing.main()
