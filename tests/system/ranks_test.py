"""Three learning runs give the same on any number of ranks: numbers, files, messages."""

import json
import os

import support
from support import CONCLUDED, JOB_ID, PROGRESS, RESULTS, STARTED, reward_of

REWARDS = [reward_of(run, 0) for run in range(3)]
DIRECTORIES = ["run_0.0-0", "run_1.0-0", "run_2.0-0"]
FILES_OF_A_RUN = {
    "config.json",
    "config/reward_config.json",
    "config/hysr_config.json",
    "config/pam_config.json",
    "config/rl_config.json",
    "config/rl_common_config.json",
    "training_logs/progress.csv",
    "model.zip",
    "stdout.txt",
    "stderr.txt",
}
FILES_OF_THE_TRAINER = {"facts.json", "trained", "backend.pid", "stop", "learner_ended"}
LAUNCHER_VARIABLES = ("OMPI_", "ORTE_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "SLURM_STEP", "HWLOC_",
                      "UCX_POSIX_DIR")


class RanksTest(support.SystemTest):
    seeds_seen = None

    def check(self, ranks):
        server = self.server()
        plan = {"*": {"lasts_s": 0.05}}
        job = self.job(plan, server, **{"runner.ranks": ranks})
        ended = job.run()
        self.assert_ended(ended, 0)
        self.check_messages(server)
        self.check_directories(job)
        self.check_client_files(job, server)
        self.check_results_file(job, ranks)
        for number, directory in enumerate(DIRECTORIES):
            self.check_training(job, directory, number)
        self.check_seeds([job.facts(name)["seed"] for name in DIRECTORIES])

    def check_seeds(self, seeds):
        """They depend on the job's id and the attempt, not on the ranks."""
        self.assertEqual(len(set(seeds)), 3)
        self.assertEqual(seeds, RanksTest.seeds_seen or seeds)
        RanksTest.seeds_seen = seeds

    def check_messages(self, server):
        names = server.names
        self.assertEqual(names[0], STARTED)
        self.assertEqual(names[-2:], [RESULTS, CONCLUDED])
        self.assertEqual(set(names[1:-2]), {PROGRESS})
        progress = server.payloads(PROGRESS)
        # Two that end at the same time are announced together.
        self.assertEqual(progress, sorted(set(progress)))
        self.assertLessEqual(set(progress), {1 / 3, 2 / 3, 1.0})
        self.assertEqual(progress[-1], 1.0)
        self.assertEqual({message.job_id for message in server.messages}, {JOB_ID})
        self.assertEqual(server.payloads(STARTED), [os.uname().nodename])
        metrics = self.assert_mean(server, REWARDS)
        self.assertEqual(list(metrics), ["mean_eprewmean", "std_eprewmean", "time_elapsed"])
        self.assertGreater(metrics["time_elapsed"], 0.05)

    def check_directories(self, job):
        self.assertEqual(job.directories, DIRECTORIES)
        for directory in DIRECTORIES:
            found = set()
            for folder, _, names in os.walk(job.path(directory)):
                relative = os.path.relpath(folder, job.path(directory))
                found |= {os.path.normpath(os.path.join(relative, name)) for name in names}
            self.assertEqual(found - FILES_OF_THE_TRAINER, FILES_OF_A_RUN)
        self.assertEqual(
            set(os.listdir(job.working_dir)) - set(DIRECTORIES),
            {"settings.json", "param_choice.csv", "metrics.csv", "results.h5"},
        )

    def check_client_files(self, job, server):
        with open(job.path("settings.json")) as file:
            self.assertEqual(file.read(), json.dumps(job.parameters, sort_keys=True, indent=4))
        choice = support.read_csv_row(job.path("param_choice.csv"))
        given = {
            "config.config_templates": job.templates,
            "learning_runs_per_job": "3",
            "working_dir": job.working_dir,
            "id": str(JOB_ID),
            "runner.ranks": str(job.parameters["runner"]["ranks"]),
        }
        self.assertEqual(list(choice)[: len(given)], list(given))
        self.assertEqual(choice, {**given, "training_iterations": "1", "max_attempts": "3"})
        (sent,) = server.payloads(RESULTS)
        written = support.read_csv_row(job.path("metrics.csv"))
        self.assertEqual(list(written.items()), [(k, repr(v)) for k, v in sent.items()])

    def check_results_file(self, job, ranks):
        rows = {row["name"]: row for row in job.attempts}
        self.assertEqual(sorted(rows), DIRECTORIES)
        for number, directory in enumerate(DIRECTORIES):
            row = rows[directory]
            self.assertEqual(row["outcome"], "succeeded")
            self.assertEqual(row["reward"], REWARDS[number])
            self.assertEqual(row["seed"], job.facts(directory)["seed"])
            self.assertEqual((row["exit_code"], row["signal"], row["steps"]), (0, 0, 1000))
            self.assertIn(row["rank"], range(ranks))
            self.assertLess(row["start"], row["end"])
            self.assertGreater(row["peak_memory_mb"], 1)
        (start,) = job.start_rows
        self.assertEqual((start["outcome"], start["ranks"]), ("finished", ranks))
        import h5py

        with h5py.File(job.results_path) as file:
            curve = file["curves"]["run_1.0-0"]
            names = [name.decode() for name in curve.attrs["columns"]]
            column = curve[:, names.index("rollout/ep_rew_mean")]
            self.assertEqual(column[-1], REWARDS[1])
            self.assertEqual(json.loads(file["sample/parameters"][()]), job.parameters)

    def check_training(self, job, directory, number):
        facts = job.facts(directory)
        here = job.path(directory)
        self.assertEqual(facts["directory"], here)
        self.assertEqual(facts["arguments"], [os.path.join(here, "config.json")])
        variables = facts["environment"]
        self.assertEqual([n for n in variables if n.startswith(LAUNCHER_VARIABLES)], [])
        expected = {
            "REPRISE_CONFIG": os.path.join(here, "config.json"),
            "REPRISE_RUN_DIR": here,
            "REPRISE_WORKING_DIR": job.working_dir,
            "REPRISE_SEED": str(facts["seed"]),
            "REPRISE_RUN": str(number),
            "REPRISE_ITERATION": "0",
            "REPRISE_ATTEMPT": "0",
        }
        self.assertEqual({n: variables.get(n) for n in expected}, expected)
        self.assertIn(facts["seed"], range(2**31))
        self.assertLessEqual(set(facts["cpus"]), os.sched_getaffinity(0))  # cores_test.py has more
        self.assertEqual(facts["signals_blocked"], [])
        self.check_configuration(here)
        with open(os.path.join(here, "stdout.txt")) as file:
            self.assertEqual(file.read(), f"learner of {directory}\n")

    def check_configuration(self, here):
        main = support.read_json(os.path.join(here, "config.json"))
        self.assertEqual(
            main, {name: f"{here}/config/{name}.json" for name in support.TEMPLATES}
        )
        content = {name: support.read_json(path) for name, path in main.items()}
        self.assertEqual(content["hysr_config"]["graphics"], False)
        self.assertEqual(content["hysr_config"]["xterms"], False)
        self.assertEqual(content["hysr_config"]["robot_position"], [0.0, 0.0, 1.21])
        rl = content["rl_config"]
        self.assertEqual(rl["load_path"], "")
        self.assertEqual(rl["save_path"], here + "/model")
        self.assertEqual(rl["log_path"], here + "/training_logs")
        self.assertEqual(rl["learning_rate"], 0.00015)

    def test_1_rank(self):
        self.check(1)

    def test_2_ranks(self):
        self.check(2)

    def test_3_ranks(self):
        self.check(3)

    def test_4_ranks(self):
        self.check(4)

    def test_8_ranks(self):
        self.check(8)

    def test_a_rank_that_becomes_free_takes_the_next_run(self):
        """Two ranks, run 0 waits until run 2 has trained: it can only do so on the other rank."""
        job = self.job({"*": {}}, **{"runner.ranks": 2})
        job.plan["0.*"] = {"gate": job.path("run_2.0-0", "learner_ended")}
        self.assert_ended(job.run(), 0)
        rank = {row["name"]: row["rank"] for row in job.attempts}
        self.assertEqual(rank["run_1.0-0"], rank["run_2.0-0"])
        self.assertNotEqual(rank["run_0.0-0"], rank["run_1.0-0"])

    def test_one_rank_starts_no_mpirun(self):
        job = self.job({"*": {}}, **{"runner.ranks": 1})
        job.plan["0.*"] = {"gate": job.gate()}
        start = job.start()
        job.wait_for_training("run_0.0-0")
        roles = sorted(filter(None, map(support.role_of, job.processes())))
        trainer = ["hysr_one_ball_rl", "hysr_start_robots"]
        self.assertEqual(roles, ["guardian", "guardian", "helper", *trainer, "launcher", "rank 0"])
        job.open_gate()
        self.assert_ended(start.wait(), 0)


if __name__ == "__main__":
    support.main()
