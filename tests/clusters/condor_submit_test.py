"""The submit files of htcondor/, as they stand, on a real HTCondor."""

import json
import os
import re
import signal
import subprocess

import condor_testing

import support
import surroundings

SUBMIT_FILES = os.path.join(support.SOURCE_DIR, "htcondor")


class SubmitFilesTest(condor_testing.CondorTest):
    def submit(self, job, name, **macros):
        """As the job's user does it, from the job's folder; returns the log of the job."""
        with open(job.environment["SCRIPTED_PLAN"], "w") as file:
            json.dump(job.plan, file)
        with open(os.path.join(job.folder, "settings.json"), "w") as file:
            json.dump(job.parameters, file)
        macros = {"settings": "settings.json", **macros}
        words = [f"{macro}={value}" for macro, value in macros.items()]
        ended = subprocess.run(
            ["condor_submit", *words, os.path.join(SUBMIT_FILES, name)],
            cwd=job.folder,
            env=job.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        found = re.search(r"1 job\(s\) submitted to cluster (\d+)\.", ended.stdout)
        self.assertTrue(found, ended.stdout)
        self.assertNotIn("WARNING", ended.stdout)
        self.cluster_id = found[1]
        return condor_testing.JobLog(os.path.join(job.folder, f"reprise-{found[1]}.log"))

    def wait_for_end(self, job, log):
        return surroundings.wait_until(
            lambda: log.return_value is not None,
            "the job has left the queue",
            limit_s=60,
            state=lambda: log.text + self.output(job),
        )

    def output(self, job):
        text = ""
        for kind in ("out", "err"):
            path = os.path.join(job.folder, f"reprise-{self.cluster_id}.{kind}")
            if os.path.exists(path):
                with open(path) as file:
                    text += file.read()
        return text

    def wait_for_training(self, job, log, path):
        surroundings.wait_until(
            lambda: os.path.exists(path), path, state=lambda: log.text + self.output(job)
        )

    def check_results(self, job, names):
        self.assertEqual([row["name"] for row in job.attempts], names)
        metrics = support.read_csv_row(job.path("metrics.csv"))
        rewards = [support.reward_of(run, 1) for run in range(2)]
        self.assertAlmostEqual(float(metrics["mean_eprewmean"]), support.mean(rewards), places=9)

    def test_held_and_released_until_it_is_done(self):
        job = self.job(learning_runs_per_job=2, training_iterations=2)
        log = self.submit(job, "reprise.sub")
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions), (0, 2), log.text)
        self.assertEqual(log.holds, [("3", "3")])
        self.check_results(job, [row["name"] for row in job.attempts])
        self.assertEqual(len(job.attempts), 4)
        self.assertEqual(len(job.start_rows), 2)

    def test_a_job_that_a_user_holds_stays_held(self):
        """Only the policy's own holds are released."""
        job = self.job({"*": {"gate": "never"}}, learning_runs_per_job=2)
        log = self.submit(job, "reprise.sub")
        self.wait_for_training(job, log, job.path("run_0.0-0", "trained"))
        self.condor.call("condor_hold", self.cluster_id)
        surroundings.wait_until(lambda: log.holds, "the hold", state=lambda: log.text)
        surroundings.wait_until(lambda: not job.processes(), "the end of the job")
        (status,) = self.condor.call("condor_q", self.cluster_id, "-af", "HoldReasonCode").split()
        self.assertEqual(status, "1")  # by the user
        self.assertEqual(log.count("Job was released"), 0, log.text)

    def test_the_limit_of_restarts_ends_the_job(self):
        job = self.job(learning_runs_per_job=2, training_iterations=9)
        log = self.submit(job, "reprise.sub", restarts=1)
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions), (1, 3), log.text)
        self.assertIn("max_restarts", self.output(job))
        self.assertEqual(len(job.attempts), 4)  # what is done is kept

    def test_a_job_that_is_killed_is_started_again(self):
        job = self.job(learning_runs_per_job=2)
        job.plan = {"1.0-0": {"gate": job.gate()}}
        log = self.submit(job, "reprise.sub")
        self.wait_for_training(job, log, job.path("run_1.0-0", "trained"))
        surroundings.wait_until(lambda: "run_0.0-0 succeeded" in self.output(job), "run 0")
        launcher = job.find("launcher")
        self.assertIn("--exit-for-restart", launcher.argv)
        os.kill(launcher.pid, signal.SIGKILL)
        job.open_gate()
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions), (0, 2), log.text)
        self.assertEqual(log.count(r"Abnormal termination .signal 9."), 1, log.text)
        outcomes = {row["name"]: row["outcome"] for row in job.attempts}
        self.assertEqual(outcomes["run_0.0-0"], "succeeded")
        self.assertEqual(outcomes["run_1.0-0.part1"], "succeeded")

    def test_a_vacated_job_saves_its_state_and_goes_on(self):
        job = self.job(learning_runs_per_job=2)
        job.plan = {"1.0-0": {"gate": job.gate()}}
        log = self.submit(job, "reprise.sub")
        self.wait_for_training(job, log, job.path("run_1.0-0", "trained"))
        surroundings.wait_until(lambda: "run_0.0-0 succeeded" in self.output(job), "run 0")
        self.condor.call("condor_vacate_job", self.cluster_id)
        self.wait_for_training(job, log, job.path("run_1.0-0.part1", "facts.json"))
        job.open_gate()
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions, log.evictions), (0, 2, 1), log.text)
        self.assertEqual(job.attempt("run_0.0-0")["outcome"], "succeeded")
        self.assertEqual(job.start_rows[0]["outcome"], "terminated")

    # Without a shared file system

    def self_checkpointing(self, plan, **parameters):
        job = self.job(plan, learning_runs_per_job=2, **parameters)
        job.working_dir = os.path.join(job.folder, "out")
        job.set(**{"working_dir": "out", "config.config_templates": "templates/templates.json"})
        return job

    def test_self_checkpointing_goes_on_in_place_until_it_is_done(self):
        job = self.self_checkpointing({}, training_iterations=2)
        log = self.submit(job, "reprise_self_checkpointing.sub", inputs="templates")
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions), (0, 1), log.text)
        self.assertEqual(log.holds, [])
        self.check_results(job, [row["name"] for row in job.attempts])
        self.assertEqual(len(job.start_rows), 2)
        self.assertNotEqual(job.facts("run_0.0-0")["directory"], job.path("run_0.0-0"))

    def test_self_checkpointing_takes_its_state_along_when_it_is_vacated(self):
        job = self.self_checkpointing({})
        job.plan = {"1.0-0": {"gate": job.gate()}}
        log = self.submit(job, "reprise_self_checkpointing.sub", inputs="templates")
        surroundings.wait_until(
            lambda: self.trained_in_scratch(log) == ["run_0.0-0"],
            "run 0 is in the results file, run 1 trains",
            state=lambda: log.text + self.output(job),
        )
        self.condor.call("condor_vacate_job", self.cluster_id)
        surroundings.wait_until(lambda: log.evictions == 1, "eviction", state=lambda: log.text)
        job.open_gate()
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions, log.evictions), (0, 2, 1), log.text)
        names = sorted(row["name"] for row in job.attempts)
        self.assertEqual(names, ["run_0.0-0", "run_1.0-0", "run_1.0-0.part1"])

    def test_the_limit_of_restarts_ends_a_self_checkpointing_job(self):
        job = self.self_checkpointing({}, training_iterations=9)
        log = self.submit(
            job, "reprise_self_checkpointing.sub", inputs="templates", restarts=1
        )
        self.wait_for_end(job, log)
        self.assertEqual((log.return_value, log.executions), (1, 1), log.text)
        self.assertIn("max_restarts", self.output(job))
        self.assertEqual(len(job.attempts), 4)  # what is done came back

    def trained_in_scratch(self, log):
        """The attempts in the results file where the job runs."""
        scratch = log.scratch_directory
        path = scratch and self.condor.seen_from_here(scratch + "/out/results.h5")
        if not path or not os.path.exists(path):
            return []
        return [row["name"] for row in support.read_rows(path, "attempts")]


if __name__ == "__main__":
    condor_testing.main()
