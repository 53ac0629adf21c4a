#!/usr/bin/python3 -IS
"""A trainer that acts by a plan. One file for all three commands; the name says which one it is:

    hysr_start_robots CONFIG    the backend: stays until hysr_stop was called
    hysr_one_ball_rl CONFIG     the learner
    hysr_stop                   tells the backend of this directory to end

SCRIPTED_PLAN names a JSON file: {PATTERN: {KEY: VALUE, ...}, ...}. What stands under every pattern
that fits the name of the attempt ("0.1-2" is learning run 0, iteration 1, attempt 2; "0.1-2.part1"
goes on with it) holds, the last one first. Keys of the learner:

    rows (2)         lines in progress.csv; 0: the file is not made, but its folder
    row_s (0)        seconds before each of them
    row_every        steps between two lines, instead of "rows"
    checkpoint_every steps between two checkpoints, written as Stable-Baselines3 does it
    begins_at_zero   true: counts from 0 again after it has loaded a model
    gate_at          steps of its iteration after which the learner waits at the gate
    refuses_checkpoints     true: fails where it should go on from one
    reward           in the last line; a text is written as it is. Without: what reward_of() says
    reward_of_parameters    true: the reward depends on robot_position[0], see there
    fails_beyond     robot_position[0] from which on the learner fails
    fails_in         list of names of working directories (in a search: "2" of job 2) where it fails
    in               {NAME: {KEY: VALUE, ...}, ...}: what else holds in working directories so named
    column           of the reward, if it is not the usual one
    gate             path of a file: after the first half of the lines the learner waits for it
    lasts_s (0)      seconds between the last line and the end
    ends_with (0)    exit code
    dies_by          number of a signal
    chatters_s       prints a line now and then for so many seconds, after the lines
    allocates_mb     uses so much memory before it writes anything
    worker_allocates_mb     a process of its own does, and it waits for that one
    hangs            true: never ends
    ignores_term     true: SIGTERM does nothing
    saves_on_term_s  on SIGTERM it takes so many seconds, makes the file saved and ends with 0
    leaves_daemon    true: leaves a process behind, in a session of its own
    says             text for stderr; \\xNN are bytes

Keys of the backend, under "backend":

    gate, lasts_s, ends_with, dies_by    end by itself: once the gate is there, after so long
    ends_with_learner    true: ends when the learner does
    outlives_itself      true: leaves a process behind that ignores SIGTERM
    ignores_stop         true: hysr_stop and SIGTERM do nothing

What the learner saw lies in facts.json in the run directory as soon as it runs. The file trained
appears there when the lines before the gate are written, backend.pid when the backend is there.
"""

import fnmatch
import json
import os
import signal
import sys
import time
import zipfile

LIMIT_S = 120.0  # nobody waits longer, whatever the plan says
POLL_S = 0.003


def reward_of(run, iteration):
    """What a learning run gets in an iteration; tests know the same formula."""
    return -1.0 + 0.25 * run + 0.5 * iteration


def read_json(path):
    with open(path) as file:
        return json.load(file)


def write_whole(path, text):
    """So that a reader never meets half of it."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def plan_of(directory):
    name = os.path.basename(directory)[len("run_") :]
    plan = {}
    for pattern, behaviour in read_json(os.environ["SCRIPTED_PLAN"]).items():
        if fnmatch.fnmatchcase(name, pattern):
            plan.update(behaviour)
    plan.update(plan.get("in", {}).get(os.path.basename(os.path.dirname(directory)), {}))
    return plan


def wait_for(path):
    """Returns when the file is there."""
    deadline = time.monotonic() + LIMIT_S
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            sys.exit("scripted trainer: '%s' has not come" % path)
        time.sleep(POLL_S)


def hang():
    time.sleep(LIMIT_S)
    sys.exit("scripted trainer: nobody ended it")


def leave_daemon(ignore_term):
    if os.fork() != 0:
        os.wait()
        return
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    if ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang()


def allocate(mb):
    """Bytes that are not zero, so that they are really there; never given back."""
    allocate.kept = [b"x" * (1 << 20) for _ in range(mb)]


def chatter(seconds):
    """A process that runs all the time shows it."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        print("still here", flush=True)
        time.sleep(0.02)


def end(plan):
    if "dies_by" in plan:
        if plan["dies_by"] == signal.SIGINT:  # of which Python would make a traceback
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), plan["dies_by"])
        hang()
    sys.stderr.flush()
    os._exit(plan.get("ends_with", 0))


class Learner:
    def __init__(self, config_path):
        self.directory = os.getcwd()
        self.main = read_json(config_path)
        self.rl = read_json(self.main["rl_config"])
        self.common = read_json(self.main["rl_common_config"])
        self.plan = plan_of(self.directory)
        self.run = int(os.environ["REPRISE_RUN"])
        self.iteration = int(os.environ["REPRISE_ITERATION"])
        self.loaded = self.load()

    def load(self):
        """The model to go on from, as save() wrote it."""
        path = self.rl["load_path"]
        self.trained = 0
        if not path:
            return {"steps": 0, "made_by": []}
        if "_steps" not in path:
            model = read_json(path + ".zip")
        elif self.plan.get("refuses_checkpoints"):
            sys.exit("cannot load " + path)
        else:
            model = self.load_checkpoint(path + ".zip")
        del model["trained"]
        return model

    def load_checkpoint(self, path):
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read("data"))
        self.trained = model["trained"]
        return model

    def train(self):
        if self.plan.get("ignores_term"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "saves_on_term_s" in self.plan:
            self.save_on_term()
        self.write_facts()
        if self.plan.get("leaves_daemon"):
            leave_daemon(ignore_term=True)
        if self.position() > self.plan.get("fails_beyond", self.position()):
            sys.exit("the position is beyond what the table allows")
        if os.path.basename(os.path.dirname(self.directory)) in self.plan.get("fails_in", []):
            sys.exit("this sample fails")
        allocate(self.plan.get("allocates_mb", 0))
        if "worker_allocates_mb" in self.plan:
            if os.fork() == 0:
                allocate(self.plan["worker_allocates_mb"])
                hang()
            os.wait()
        said = self.plan.get("says", "").encode("latin-1")
        os.write(2, said)
        print("learner of", os.path.basename(self.directory), flush=True)
        self.write_progress()
        chatter(self.plan.get("chatters_s", 0))
        if self.plan.get("hangs"):
            hang()
        time.sleep(self.plan.get("lasts_s", 0))
        self.save()
        open("learner_ended", "w").close()
        end(self.plan)

    def save_on_term(self):
        def save(*_):
            time.sleep(self.plan["saves_on_term_s"])
            open("saved", "w").close()
            os._exit(0)

        signal.signal(signal.SIGTERM, save)

    def write_facts(self):
        facts = {
            "pid": os.getpid(),
            "arguments": sys.argv[1:],
            "directory": self.directory,
            "environment": dict(os.environ),
            "cpus": sorted(os.sched_getaffinity(0)),
            "seed": self.common["random_seed"],
            "load_path": self.rl["load_path"],
            "loaded": self.loaded,
            "trained": self.trained,
            "num_timesteps": self.rl["num_timesteps"],
            "signals_blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        }
        write_whole("facts.json", json.dumps(facts))

    def counter(self, steps):
        """What the learner's counter says after so many steps of its own."""
        return steps + (0 if self.plan.get("begins_at_zero") else self.loaded["steps"])

    def row_steps(self):
        steps = self.rl["num_timesteps"]
        if "row_every" in self.plan:
            return list(range(self.plan["row_every"], steps + 1, self.plan["row_every"]))
        rows = self.plan.get("rows", 2)
        return [steps * row // rows for row in range(1, rows + 1)]

    def write_progress(self):
        rows = self.row_steps()
        os.makedirs(self.rl["log_path"], exist_ok=True)
        if self.plan.get("rows") == 0:
            return self.wait_at_gate()
        column = self.plan.get("column", "rollout/ep_rew_mean")
        with open(os.path.join(self.rl["log_path"], "progress.csv"), "w") as file:
            file.write("%s,time/total_timesteps,eprew\n" % column)
            every = self.plan.get("checkpoint_every", self.rl["num_timesteps"] + 1)
            saves = range(every, self.rl["num_timesteps"] + 1, every)
            gate_at = self.gate_at(rows) - self.trained
            for steps in sorted({*rows, *saves, gate_at}):
                if steps in rows:
                    time.sleep(self.plan.get("row_s", 0))
                    self.write_rows(file, steps, len(rows) - 1 - rows.index(steps))
                if steps in saves:
                    self.save_checkpoint(steps)
                if steps == gate_at:
                    self.wait_at_gate()

    def gate_at(self, rows):
        if "gate_at" in self.plan:
            return self.plan["gate_at"]
        return self.trained + (rows[(len(rows) - 1) // 2] if rows else 0)

    def write_rows(self, file, steps, to_come):
        reward = self.plan.get("reward", reward_of(self.run, self.iteration))
        if self.plan.get("reward_of_parameters"):
            reward = self.reward_of_parameters()
        # Most of a real file's rows have no mean.
        value = reward if isinstance(reward, str) else repr(reward - 0.125 * to_come)
        steps = self.counter(steps)
        file.write(",%d,0.5\n%s,%d,0.5\n" % (steps, value, steps))
        file.flush()

    def position(self):
        return read_json(self.main["hysr_config"])["robot_position"][0]

    def reward_of_parameters(self):
        """Best at robot_position[0] = 0.1; every learning run a little different."""
        position = self.position()
        return -((position - 0.1) ** 2) - 0.001 * self.run

    def wait_at_gate(self):
        open("trained", "w").close()
        if "gate" in self.plan:
            wait_for(self.plan["gate"])

    def save_checkpoint(self, steps):
        folder = os.path.join(self.rl["log_path"], "checkpoints")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "rl_model_%d_steps.zip" % self.counter(steps))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", json.dumps(self.model(steps)))

    def model(self, steps):
        return {
            "steps": self.counter(steps),
            "made_by": self.loaded["made_by"] + [os.path.basename(self.directory)],
            "trained": self.trained + steps,  # in this iteration
        }

    def save(self):
        model = self.model(self.rl["num_timesteps"])
        write_whole(self.rl["save_path"] + ".zip", json.dumps(model))


def run_backend():
    plan = plan_of(os.getcwd()).get("backend", {})
    if plan.get("ignores_stop"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if plan.get("outlives_itself"):
        leave_daemon(ignore_term=True)
    write_whole("backend.pid", str(os.getpid()))
    if plan.get("ends_with_learner"):
        wait_for("learner_ended")
        end(plan)
    if plan.keys() & {"gate", "lasts_s", "ends_with", "dies_by"}:
        if "gate" in plan:
            wait_for(plan["gate"])
        time.sleep(plan.get("lasts_s", 0))
        end(plan)
    wait_for("stop")
    if plan.get("ignores_stop"):
        hang()


def main():
    role = os.path.basename(sys.argv[0])
    if role == "hysr_one_ball_rl":
        Learner(sys.argv[1]).train()
    elif role == "hysr_start_robots":
        run_backend()
    elif role == "hysr_stop":
        open("stop", "w").close()
    else:
        sys.exit("scripted trainer: '%s' is no command of the trainer" % role)


if __name__ == "__main__":
    main()
