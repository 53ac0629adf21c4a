"""The learner in hp_optim/ through its three commands, with real (short) trainings."""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMMANDS = os.path.join(ROOT, "hp_optim", "bin")
LIMIT_S = 120  # for every wait; a loaded machine needs a part of it


def wait_until(condition, what):
    until = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("waited %d s for %s" % (LIMIT_S, what))
        time.sleep(0.02)


class Run:
    """A run directory with its configuration, as `reprise` makes it, and the commands in it."""

    def __init__(self, case, template="ppo", name="run", **rl_config):
        if not hasattr(case, "folder"):
            folder = tempfile.TemporaryDirectory()
            case.addCleanup(folder.cleanup)
            case.folder = folder.name
        self.case = case
        self.folder = os.path.join(case.folder, name)
        os.makedirs(os.path.join(self.folder, "config"))
        self.config = os.path.join(self.folder, "config.json")
        # Tests that run at the same time share a /dev/shm.
        self.suffix = os.path.basename(case.folder) + "_" + name
        self.environment = dict(os.environ, HYSR_SEGMENT_SUFFIX=self.suffix)
        templates = os.path.join(ROOT, "hp_optim", "config_templates_%s.json" % template)
        with open(templates) as file:
            self.sections = json.load(file)
        for section, path in self.sections.items():
            with open(os.path.join(os.path.dirname(templates), path)) as file:
                self.write(section, json.load(file))
        self.set("rl_config", num_timesteps=500, save_path=self.path("model"))
        self.set("rl_config", log_path=self.path("training_logs"), **rl_config)
        self.set("rl_common_config", random_seed=7)
        with open(self.config, "w") as file:
            json.dump(self.sections, file)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, section, value):
        self.sections[section] = self.path("config", section + ".json")
        with open(self.sections[section], "w") as file:
            json.dump(value, file)

    def set(self, section, **values):
        with open(self.sections[section]) as file:
            value = json.load(file)
        value.update(values)
        self.write(section, value)

    def start(self, command, *arguments):
        """Starts a command; its output goes to files named after it."""
        with open(self.path(command + ".out"), "a") as out:
            process = subprocess.Popen(
                [os.path.join(COMMANDS, command), *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment,
            )
        self.case.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def run(self, command, *arguments):
        return self.start(command, *arguments).wait(LIMIT_S)

    def output(self, command):
        with open(self.path(command + ".out")) as file:
            return file.read()

    def start_backends(self):
        self.case.addCleanup(self.run, "hysr_stop")
        process = self.start("hysr_start_robots", self.config)
        wait_until(lambda: len(self.segments()) == 2, "the segments of both backends")
        return process

    def segments(self):
        return [name for name in os.listdir("/dev/shm") if name.endswith(self.suffix)]

    def backends(self):
        """The process ids of the two backends of this run."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if self.config in words and any(word.endswith("backend.py") for word in words):
                found[words[words.index(self.config) - 1]] = int(pid)
        return found

    def train(self):
        """Backends, one training, stop; the rows of progress.csv."""
        robots = self.start_backends()
        code = self.run("hysr_one_ball_rl", self.config)
        self.case.assertEqual(code, 0, self.output("hysr_one_ball_rl"))
        self.case.assertEqual(self.run("hysr_stop"), 0)
        self.case.assertEqual(robots.wait(LIMIT_S), 0)
        self.case.assertEqual(self.segments(), [])
        with open(self.path("training_logs", "progress.csv"), newline="") as file:
            return list(csv.DictReader(file))


def without_times(rows):
    times = ("time/fps", "time/time_elapsed")
    return [{key: row[key] for key in row if key not in times} for row in rows]


class TrainingTest(unittest.TestCase):
    def test_a_training_leaves_its_files_and_the_next_one_goes_on_from_them(self):
        first = Run(self, name="run_0.0-0", num_timesteps=1000)
        rows = first.train()
        self.assertEqual([row["time/total_timesteps"] for row in rows], ["500", "1000"])
        self.assertTrue(-2.0 < float(rows[-1]["rollout/ep_rew_mean"]) < 2.0)
        self.assertEqual(
            sorted(os.listdir(first.path("training_logs", "checkpoints"))),
            ["rl_model_1000_steps.zip", "rl_model_500_steps.zip"],
        )
        self.assertIsNone(zipfile.ZipFile(first.path("model.zip")).testzip())

        second = Run(self, name="run_0.1-0", load_path=first.path("model"))
        self.assertEqual(second.train()[-1]["time/total_timesteps"], "1500")
        checkpoints = os.listdir(second.path("training_logs", "checkpoints"))
        self.assertIn("rl_model_1500_steps.zip", checkpoints)

    def test_a_fixed_seed_repeats_a_training_digit_by_digit(self):
        first = Run(self, name="first", num_timesteps=1000).train()
        again = Run(self, name="again", num_timesteps=1000).train()
        other = Run(self, name="other", num_timesteps=1000)
        other.set("rl_common_config", random_seed=8)
        self.assertEqual(without_times(first), without_times(again))
        self.assertNotEqual(without_times(first), without_times(other.train()))

    def test_a_robot_elsewhere_earns_another_reward(self):
        reward = {}
        for height in (1.02, 1.4):
            run = Run(self, name="height_%g" % height)
            run.set("hysr_config", robot_position=[0.0, 0.0, height])
            reward[height] = float(run.train()[-1]["rollout/ep_rew_mean"])
        self.assertGreater(reward[1.02], reward[1.4] + 0.2)

    def test_sac_trains_too_and_logs_every_episode_and_for_tensorboard(self):
        run = Run(self, "sac", num_timesteps=300, learning_starts=100, log_tensorboard=True)
        run.set("rl_common_config", log_episodes=True)
        rows = run.train()
        self.assertTrue(any(row["eprew"] and not row["rollout/ep_rew_mean"] for row in rows))
        self.assertTrue(any(row["rollout/ep_rew_mean"] for row in rows))
        logs = os.listdir(run.path("training_logs"))
        self.assertTrue(any(name.startswith("events.out.tfevents") for name in logs), logs)

    def test_without_a_seed_two_trainings_differ(self):
        outputs = []
        for name in ("first", "second"):
            run = Run(self, name=name)
            run.set("rl_common_config", random_seed=None)
            run.train()
            outputs.append(run.output("hysr_one_ball_rl").splitlines()[0])
        self.assertNotEqual(outputs[0], outputs[1])
        self.assertTrue(outputs[0].startswith("random seed "), outputs[0])


class BackendTest(unittest.TestCase):
    def test_a_second_start_under_the_same_name_fails_and_the_first_stays(self):
        run = Run(self)
        first = run.start_backends()
        before = run.backends()
        self.assertEqual(run.run("hysr_start_robots", run.config), 1)
        self.assertIn("a running backend owns it", run.output("hysr_start_robots"))
        self.assertIsNone(first.poll())
        self.assertEqual(run.backends(), before)

    def test_the_name_is_fixed_unless_the_environment_says_otherwise(self):
        def name(**environment):
            program = "import segment; print(segment.name_of('arm'), end='')"
            folder = os.path.join(ROOT, "hp_optim", "table_tennis")
            environment["PYTHONPATH"] = folder
            return subprocess.check_output([sys.executable, "-c", program], env=environment)

        self.assertEqual(name(), b"hysr_arm")
        self.assertEqual(name(HYSR_SEGMENT_SUFFIX="x"), b"hysr_arm_x")

    def test_the_backends_outlive_a_terminated_start_script_until_they_are_stopped(self):
        run = Run(self)
        robots = run.start_backends()
        before = run.backends()
        self.assertEqual(sorted(before), ["arm", "ball"])
        robots.terminate()
        self.assertEqual(robots.wait(LIMIT_S), -signal.SIGTERM)
        self.assertEqual(run.backends(), before)
        self.assertEqual(run.run("hysr_stop"), 0)
        wait_until(lambda: not run.backends(), "the end of the backends")
        self.assertEqual(run.segments(), [])

    def test_a_learner_whose_backend_dies_says_so_once_and_waits(self):
        run = Run(self, num_timesteps=1000000)
        robots = run.start_backends()
        learner = run.start("hysr_one_ball_rl", run.config)
        checkpoints = run.path("training_logs", "checkpoints")
        wait_until(
            lambda: os.path.isdir(checkpoints) and os.listdir(checkpoints), "the first checkpoint"
        )
        os.kill(run.backends()["arm"], signal.SIGKILL)
        wait_until(lambda: "died" in run.output("hysr_one_ball_rl"), "the learner's last line")
        self.assertEqual(robots.wait(LIMIT_S), 1)
        self.assertIsNone(learner.poll())
        self.assertEqual(run.output("hysr_one_ball_rl").count("died"), 1)
        learner.kill()
        self.assertEqual(run.run("hysr_stop"), 0)
        self.assertEqual(run.segments(), [])

    def test_the_name_of_a_killed_backend_can_be_used_again(self):
        run = Run(self)
        run.end(run.start_backends())  # first, or it would stop the one when the other is killed
        for pid in run.backends().values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not run.backends(), "the end of the backends")
        self.assertEqual(len(run.segments()), 2)
        run.start("hysr_start_robots", run.config)
        self.assertEqual(run.run("hysr_one_ball_rl", run.config), 0)

    def test_hysr_stop_without_a_backend_is_no_failure(self):
        self.assertEqual(Run(self).run("hysr_stop"), 0)


class MistakeTest(unittest.TestCase):
    def expect(self, run, text):
        self.assertEqual(run.run("hysr_one_ball_rl", run.config), 1)
        self.assertIn(text, run.output("hysr_one_ball_rl"))
        self.assertEqual(run.output("hysr_one_ball_rl").count("\n"), 1)

    def test_a_missing_file_is_named(self):
        run = Run(self)
        os.unlink(run.path("config", "pam_config.json"))
        self.expect(run, "pam_config.json' (No such file or directory)")

    def test_a_missing_entry_is_named(self):
        run = Run(self)
        with open(run.config, "w") as file:
            json.dump({"reward_config": run.sections["reward_config"]}, file)
        self.expect(run, "no entry 'hysr_config'")

    def test_an_unknown_parameter_is_named(self):
        run = Run(self, lernrate=0.1)
        run.start_backends()
        self.assertEqual(run.run("hysr_one_ball_rl", run.config), 1)
        self.assertIn("'lernrate' in rl_config is unknown to ppo", run.output("hysr_one_ball_rl"))

    def test_a_model_that_is_not_there_is_named(self):
        run = Run(self, load_path="/nonexistent/model")
        run.start_backends()
        self.assertEqual(run.run("hysr_one_ball_rl", run.config), 1)
        self.assertIn("cannot load '/nonexistent/model.zip'", run.output("hysr_one_ball_rl"))

    def test_the_backend_names_a_bad_robot_position(self):
        run = Run(self)
        run.set("hysr_config", robot_position=[0, 0])
        self.assertEqual(run.run("hysr_start_robots", run.config), 1)
        self.assertIn("'robot_position' in hysr_config", run.output("hysr_start_robots"))
        self.assertEqual(run.segments(), [])


if __name__ == "__main__":
    unittest.main()
