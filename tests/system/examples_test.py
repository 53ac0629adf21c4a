"""The examples of the user pages run as the pages say."""

import csv
import json
import os
import shutil

import support

EXAMPLE = os.path.join("docs", "examples", "own_trainer")


class OwnTrainerTest(support.SystemTest):
    """docs/examples/own_trainer, as docs/parameters.md shows it."""

    def example_job(self, server=None):
        job = self.job({}, server)
        source = os.path.join(support.SOURCE_DIR, EXAMPLE)
        shutil.copytree(source, os.path.join(job.folder, EXAMPLE))
        return job, os.path.join(EXAMPLE, "settings.json")

    def check(self, folder, step_size):
        names = sorted(name for name in os.listdir(folder) if name.startswith("run_"))
        self.assertEqual(names, [f"run_{r}.{i}-0" for r in range(3) for i in range(2)])
        seeds = set()
        for run in range(3):
            last = None
            for iteration in range(2):
                directory = os.path.join(folder, f"run_{run}.{iteration}-0")
                config = support.read_json(os.path.join(directory, "config.json"))
                self.assertEqual(
                    {name: config[name] for name in config if name != "seed"},
                    {"start": 0.0, "steps": 50, "step_size": step_size},
                )
                seeds.add(config["seed"])
                with open(os.path.join(directory, "progress.csv"), newline="") as file:
                    rewards = [float(row["reward"]) for row in csv.DictReader(file)]
                self.assertEqual(len(rewards), 50)
                if last is not None:  # goes on from the model
                    self.assertGreaterEqual(rewards[0], last)
                last = rewards[-1]
        self.assertEqual(len(seeds), 6)

    def test_by_hand(self):
        job, settings = self.example_job()
        ended = job.run(arguments=[settings, "step_size=0.05"])
        self.assert_ended(ended, 0)
        self.check(os.path.join(job.folder, "own_trainer_results"), 0.05)

    def test_as_a_job_of_cluster_utils(self):
        server = self.server()
        job, settings = self.example_job(server)
        parameters = support.read_json(os.path.join(job.folder, settings))
        parameters.update({"step_size": 0.05, "working_dir": job.working_dir, "id": 4})
        learner = parameters.pop("learner")
        parameters.update({f"learner.{name}": value for name, value in learner.items()})
        self.assertNotIn("learner", parameters)
        job.parameters = parameters
        self.assert_ended(job.run(), 3)
        self.assert_ended(job.run(), 0)
        self.check(job.working_dir, 0.05)
        self.assertEqual(len(server.payloads(support.RESULTS)), 1)
        with open(job.path("settings.json")) as file:
            self.assertEqual(json.load(file)["learner.stop"], [])


if __name__ == "__main__":
    support.main()
