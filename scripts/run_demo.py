"""Runs the main job locally and shows what happens; scripts/demo starts it when all is built."""

import argparse
import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SETTINGS = "hp_optim/hp_optim_ppo.json"
NAME = "search"
TIME_LIMIT_S = 1800.0  # a search that has not ended by then hangs
sys.path.insert(0, os.path.join(ROOT, "hp_optim"))

import show_samples  # noqa: E402  (it lies beside the learner)


def say(text):
    print("%s  %s" % (time.strftime("%H:%M:%S"), text), flush=True)


def can_be_isolated():
    """Whether each run can have a /dev/shm of its own without an image."""
    try:
        command = ("bwrap", "--dev-bind", "/", "/", "true")
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


class Demo:
    """One run of the demonstration in a folder of its own."""

    def __init__(self, quick, image):
        self.folder = new_folder(os.path.join(ROOT, "demo_results"))
        self.search = os.path.join(self.folder, NAME)
        self.runs = os.path.join(self.folder, "runs")
        self.reference = os.path.join(self.folder, "template_defaults")
        self.samples = 2 if quick else 6
        with open(os.path.join(ROOT, SETTINGS)) as file:
            self.fixed = json.load(file)["fixed_params"]
        self.fixed["runner.results_dir"] = self.runs
        if quick:
            self.fixed["learning_runs_per_job"] = 2
            self.fixed["config.rl_config.num_timesteps"] = 500
        self.commands = os.path.join(ROOT, "hp_optim", "bin")
        if image:  # which has the learner's commands, so that nobody shall find them elsewhere
            self.fixed["singularity.image"] = image
            self.commands = ""
        elif not can_be_isolated():
            say("no user namespaces here, so the learning runs train one after another")
            self.fixed["runner.ranks"] = 1  # the learner's shared memory has one fixed name
        self.environment = dict(os.environ)
        self.environment.update(
            REPRISE_BIN=os.path.join(ROOT, "build", "release", "bin", "reprise"),
            CLUSTER_UTILS_CACHE_DIR=os.path.join(self.folder, "jobs"),
            PATH=without_cluster(os.environ.get("PATH", os.defpath), self.folder),
        )
        os.mkdir(self.environment["CLUSTER_UTILS_CACHE_DIR"])

    def path_of_jobs(self):
        path = self.environment["PATH"]
        return self.commands + os.pathsep + path if self.commands else path

    def run_reference(self):
        """The template's defaults, as a job by hand. True when it succeeded."""
        settings = os.path.join(self.folder, "template_defaults.json")
        with open(settings, "w") as file:
            parameters = dict(self.fixed, working_dir=self.reference)
            del parameters["runner.results_dir"]  # results.h5 in its working_dir will do
            json.dump(nested(parameters), file, indent=4)
        command = ["scripts/run_mpi.py", os.path.relpath(settings, ROOT)]
        say("first, for comparison, the template's defaults: " + shlex.join(command))
        environment = dict(self.environment, PATH=self.path_of_jobs())
        output = os.path.join(self.folder, "template_defaults.log")
        with open(output, "w") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        seen = set()
        while process.poll() is None:
            for name in sorted(run_directories(self.reference) - seen):
                say("defaults: trains in " + name)
                seen.add(name)
            time.sleep(0.2)
        if process.returncode != 0:
            say("the defaults ended with %d; the last lines of %s:" % (process.returncode, output))
            print(last_lines(output), flush=True)
            return False
        say("defaults: finished, " + read_metrics(self.reference))
        return True

    def run_search(self):
        """cluster_utils with local settings. True when it ended well."""
        cores = len(os.sched_getaffinity(0))
        overrides = {
            "optimization_procedure_name": NAME,
            "results_dir": self.folder,
            "run_in_working_dir": True,
            "environment_setup.variables": {"PATH": self.path_of_jobs()},
            "no_user_interaction": True,
            "cluster_requirements.request_cpus": min(cores, 3),
            "cluster_requirements.max_cpus": cores,
            "optimization_setting.run_local": True,
            "optimization_setting.number_of_samples": self.samples,
            "fixed_params": self.fixed,
        }
        command = [sys.executable, "-m", "cluster_utils.hp_optimization", SETTINGS]
        command += ["%s=%r" % item for item in overrides.items()]
        whole = os.path.join(self.folder, "search_command")
        with open(whole, "w") as file:
            file.write(shlex.join(command) + "\n")
        say("the search: python3 %s ... (all of it: %s)"
            % (shlex.join(command[1:4]), os.path.relpath(whole)))  # fmt: skip
        output = os.path.join(self.folder, "search.log")
        with open(output, "w") as log:
            process = subprocess.Popen(
                command, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        follower = Follower(os.path.join(self.search, "cluster_run.log"), self)
        until = time.monotonic() + TIME_LIMIT_S
        try:
            while process.poll() is None:
                follower.look()
                if time.monotonic() > until:
                    say("the search has not ended after %d s and is stopped" % TIME_LIMIT_S)
                    break
                time.sleep(0.2)
        finally:
            stop_group(process)
        follower.look()
        if process.returncode != 0:
            say("cluster_utils ended with %d; the last lines of %s:" % (process.returncode, output))
            print(last_lines(output), flush=True)
        return process.returncode == 0

    def show_table(self):
        """The samples, best first, with the defaults below. True when all samples have a mean."""
        samples = show_samples.load(self.runs)
        metrics = show_samples.read_metrics(self.search)
        reference = show_samples.Sample(os.path.join(self.reference, "results.h5"))
        print()
        print("\n".join(show_samples.table(samples, metrics, reference)))
        print()
        means = [mean for mean, _ in metrics.values()]
        if means and reference.mean() is not None:
            better = sum(mean > reference.mean() for mean in means)
            print("%d of %d samples are better than the template's defaults; the best by %.3g."
                  % (better, len(means), max(means) - reference.mean()))  # fmt: skip
        return len(means) == self.samples

    def show_paths(self):
        where = os.path.relpath(self.folder)
        print("What to look at next:")
        for path, what in (
            ("search/best_jobs/", "run directories of the best samples: models, curves, outputs"),
            ("runs/*.h5", "the results file of each sample (docs/results_file.md)"),
            ("search/cluster_run.log", "what cluster_utils saw"),
            ("search/all_data.csv", "its table of all samples"),
            ("jobs/*/*.out, *.err", "what each job printed"),
            ("template_defaults/", "the job by hand with the template's defaults"),
        ):
            print("  %-60s %s" % (os.path.join(where, path), what))
        print("This table again:")
        print("  .venv/bin/python hp_optim/show_samples.py %s/runs \\" % where)
        print("      --search %s/search \\" % where)
        print("      --reference %s/template_defaults/results.h5" % where)


class Follower:
    """Turns the lines of cluster_utils' log into one line for each event."""

    _EVENTS = (
        (re.compile(r"Job (\d+) started on hostname"), "started"),
        (re.compile(r"Job (\d+) announced it is (\d+)% done"), "progress"),
        (re.compile(r"Job (\d+) exited to be resumed"), "left"),
        (re.compile(r"Job (\d+) finished successfully"), "finished"),
        (re.compile(r"Job (\d+) died with error (.*)"), "failed"),
    )

    def __init__(self, path, demo):
        self._path = path
        self._demo = demo
        self._read = 0
        self._known = set()
        self._ended = 0

    def look(self):
        if not os.path.exists(self._path):
            return
        with open(self._path) as file:
            file.seek(self._read)
            for line in iter(file.readline, ""):
                if not line.endswith("\n"):
                    break  # the rest of it comes later
                self._read = file.tell()
                self._take(line.strip())

    def _take(self, line):
        for pattern, event in self._EVENTS:
            found = pattern.search(line)
            if found:
                getattr(self, "_" + event)(*found.groups())
                return
        if " - ERROR - " in line:
            say(line)

    def _started(self, job):
        say("sample %s %s" % (job, "goes on" if job in self._known else "started"))
        self._known.add(job)

    def _progress(self, job, percent):
        say("sample %s has %s %% of its training iterations" % (job, percent))

    def _left(self, job):
        say("sample %s left, to be started again" % job)

    def _finished(self, job):
        self._ended += 1
        working_dir = os.path.join(self._demo.search, "working_directories", job)
        say("sample %s finished (%d of %d), %s"
            % (job, self._ended, self._demo.samples, read_metrics(working_dir)))  # fmt: skip

    def _failed(self, job, reason):
        self._ended += 1
        say("sample %s FAILED: %s" % (job, reason))


def stop_group(process):
    """Ends a process and all that it has started, in order if they do so within 10 s."""
    for number, limit_s in ((signal.SIGINT, 10), (signal.SIGKILL, None)):
        if process.poll() is not None:
            break
        os.killpg(process.pid, number)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            continue


def new_folder(parent):
    os.makedirs(parent, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        path = os.path.join(parent, stamp + ("-%d" % attempt if attempt else ""))
        try:
            os.mkdir(path)
            return path
        except FileExistsError:
            continue
    raise SystemExit("demo: cannot make a new folder in '%s'." % parent)


def without_cluster(path, folder):
    """A PATH on which neither condor_q nor sbatch is found, everything else as before.

    cluster_utils runs locally only where it finds neither, whatever its settings say. A folder
    that holds one is replaced by one with links to all its other programs.
    """
    hidden = {"condor_q", "sbatch"}
    folders = []
    for number, entry in enumerate(path.split(os.pathsep)):
        if any(os.access(os.path.join(entry, name), os.X_OK) for name in hidden):
            links = os.path.join(folder, "path", str(number))
            os.makedirs(links)
            for name in set(os.listdir(entry or ".")) - hidden:
                os.symlink(os.path.join(os.path.abspath(entry), name), os.path.join(links, name))
            entry = links
        folders.append(entry)
    return os.pathsep.join(folders)


def run_directories(working_dir):
    try:
        return {name for name in os.listdir(working_dir) if name.startswith("run_")}
    except FileNotFoundError:
        return set()


def nested(parameters):
    """Dotted names to dictionaries in each other, as cluster_utils does it for its jobs."""
    result = {}
    for name, value in parameters.items():
        *parents, last = name.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return result


def read_metrics(working_dir):
    """The job's metrics.csv in words; empty when cluster_utils has removed it already."""
    try:
        with open(os.path.join(working_dir, "metrics.csv"), newline="") as file:
            row = next(csv.DictReader(file))
    except (OSError, StopIteration):
        return ""
    return "mean %.3f, std %.3f, %.1f s of work" % (
        float(row["mean_eprewmean"]), float(row["std_eprewmean"]), float(row["time_elapsed"]),
    )  # fmt: skip


def last_lines(path, count=30):
    with open(path, errors="replace") as file:
        return "".join(file.readlines()[-count:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 samples with tiny trainings")
    parser.add_argument("--image", help="trainings run in this image, which has the learner")
    options = parser.parse_args()
    os.chdir(ROOT)
    demo = Demo(options.quick, options.image)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    say("results go to " + os.path.relpath(demo.folder))
    if options.image:
        say("trainings run in the image " + os.path.relpath(options.image))
    try:
        good = demo.run_reference() and demo.run_search()
        good = good and demo.show_table()
    except KeyboardInterrupt:
        say("interrupted; what there is lies in " + demo.folder)
        return 130
    demo.show_paths()
    say("%s after %d s" % ("done" if good else "FAILED", time.monotonic() - started))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
