"""Cores and GPUs of a host are dealt out to the runs; what the learners saw is in their facts.

HWLOC_SYNTHETIC and taskset make the machine that a test needs; the CPUs are the real ones.
"""

import os
import re

import support

CPUS = sorted(os.sched_getaffinity(0))
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TORCH_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# What the batch system around the tests may have set.
FOREIGN = re.compile(
    r"(APPTAINERENV_|SINGULARITYENV_)?("
    + "|".join(THREAD_VARIABLES)
    + r")$|_CONDOR_|BATCH_SYSTEM$|SLURM_|(CUDA|ROCR|HIP|NVIDIA)_VISIBLE_DEVICES$|HWLOC_"
)


class DivisionTest(support.SystemTest):
    """All runs of a job are at the gate at the same time, so their shares are those of runs side
    by side."""

    def divided(self, runs, cpus=None, environment=None, **parameters):
        """A job of so many runs on these CPUs (all of them); returns it when it has ended."""
        job = self.job({"*": {}}, learning_runs_per_job=runs, **parameters)
        job.plan["*"] = {"gate": job.gate()}
        for name in filter(FOREIGN.match, list(job.environment)):
            del job.environment[name]
        job.environment.update(environment or {})
        if cpus is not None:
            job.wrapper = ["taskset", "--cpu-list", ",".join(map(str, cpus)), *job.wrapper]
        start = job.start()
        job.wait_for_training(*(f"run_{run}.0-0" for run in range(runs)))
        job.open_gate()
        self.ended = start.wait()
        self.assert_ended(self.ended, 0)
        self.facts = [job.facts(f"run_{run}.0-0") for run in range(runs)]
        return job

    @property
    def masks(self):
        return [facts["cpus"] for facts in self.facts]

    def values(self, name):
        return [facts["environment"].get(name) for facts in self.facts]

    def assert_threads(self, number, names=THREAD_VARIABLES):
        expected = None if number is None else str(number)
        for name in names:
            self.assertEqual(set(self.values(name)), {expected}, name)


class CoresTest(DivisionTest):
    def setUp(self):
        self.assertGreaterEqual(len(CPUS), 2, "these tests need two CPUs")

    def test_one_run_has_all_cores(self):
        self.divided(1)
        self.assertEqual(self.masks, [CPUS])

    def test_two_runs_have_a_core_each(self):
        job = self.divided(2, cpus=CPUS[:2], environment={"HWLOC_SYNTHETIC": "core:2 pu:1"})
        self.assertEqual(self.masks, [CPUS[:1], CPUS[1:2]])
        self.assert_threads(1)
        rows = sorted(job.attempts, key=lambda row: row["name"])
        self.assertEqual([row["cores"] for row in rows], [str(cpu) for cpu in CPUS[:2]])
        self.assertIn("2 cores, for 2 runs at the same time: 1 each", self.ended.stdout)
        self.assertRegex(self.ended.stdout, rf"run_1\.0-0 starts.*CPUs {CPUS[1]}\b")

    def test_four_runs_share_two_cores(self):
        self.divided(4, cpus=CPUS[:2], environment={"HWLOC_SYNTHETIC": "core:2 pu:1"})
        self.assertEqual(self.masks, [CPUS[:2]] * 4)
        self.assert_threads(1)
        self.assertIn("for 4 runs at the same time: shared", self.ended.stdout)

    def test_one_rank_has_all_cores_for_each_run_in_turn(self):
        job = self.job({}, learning_runs_per_job=2, **{"runner.ranks": 1})
        self.assert_ended(job.run(), 0)
        self.assertEqual([job.facts(f"run_{run}.0-0")["cpus"] for run in (0, 1)], [CPUS] * 2)

    def test_only_the_cpus_of_the_allocation_are_dealt(self):
        self.divided(2, cpus=CPUS[1:2])
        self.assertEqual(self.masks, [CPUS[1:2]] * 2)

    def test_threads_of_a_core_stay_together_and_count_once(self):
        self.divided(2, cpus=CPUS[:2], environment={"HWLOC_SYNTHETIC": "core:1 pu:2"})
        self.assertEqual(self.masks, [CPUS[:2]] * 2)
        self.divided(1, cpus=CPUS[:2], environment={"HWLOC_SYNTHETIC": "core:1 pu:2"})
        self.assert_threads(1)

    def test_cores_of_a_run_that_ended_go_to_a_retry(self):
        job = self.job({}, learning_runs_per_job=2)
        job.environment["HWLOC_SYNTHETIC"] = "core:2 pu:1"
        job.plan["1.0-0"] = {"gate": job.gate(), "ends_with": 7}
        job.wrapper = ["taskset", "--cpu-list", ",".join(map(str, CPUS[:2])), *job.wrapper]
        start = job.start()
        support.wait_until(
            lambda: "run_0.0-0 succeeded" in start.stdout, "run 0", state=lambda: start.stdout
        )
        self.assertEqual(job.facts("run_0.0-0")["cpus"], CPUS[:1])
        job.open_gate()
        self.assert_ended(start.wait(), 0)
        self.assertEqual(job.facts("run_1.0-0")["cpus"], CPUS[1:2])
        self.assertEqual(job.facts("run_1.0-1")["cpus"], CPUS[:2])
        self.assertEqual(job.attempt("run_1.0-1")["cores"], f"{CPUS[0]}-{CPUS[1]}")
        self.assertEqual(job.facts("run_1.0-1")["environment"]["OMP_NUM_THREADS"], "2")

    def test_a_mask_that_mpirun_gives_its_ranks_is_undone(self):
        """taskset stands for a --bind-to that leaves the ranks one core."""
        self.divided(1, **self.bound(CPUS[0]), **{"runner.launcher": "mpirun"})
        self.assertEqual(self.masks, [CPUS])
        self.divided(2, **self.bound(CPUS[0]), **{"runner.cores": "all"})
        self.assertEqual(self.masks, [CPUS] * 2)

    def bound(self, cpu):
        return {"runner.mpirun_args": ["--bind-to", "none", "taskset", "-c", str(cpu)]}

    def test_splitting_can_be_turned_off(self):
        self.divided(2, cpus=CPUS[:2], **{"runner.cores": "all"})
        self.assertEqual(self.masks, [CPUS[:2]] * 2)
        self.assert_threads(1)
        self.assertIn("for 2 runs at the same time: all", self.ended.stdout)


class ThreadsTest(DivisionTest):
    def test_they_can_be_turned_off(self):
        self.divided(2, **{"runner.threads": "keep"})
        self.assert_threads(None)

    def test_what_the_user_has_set_is_kept(self):
        self.divided(1, cpus=CPUS[:1], environment={"MKL_NUM_THREADS": "7"})
        self.assert_threads(7, ["MKL_NUM_THREADS"])
        self.assert_threads(1, ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])

    def test_omp_num_threads_of_the_user_holds_for_all(self):
        self.divided(1, environment={"OMP_NUM_THREADS": "7"})
        self.assert_threads(7, ["OMP_NUM_THREADS"])
        self.assert_threads(None, THREAD_VARIABLES[1:])

    def test_what_is_set_for_images_is_the_users_too(self):
        self.divided(1, environment={"APPTAINERENV_OMP_NUM_THREADS": "7"})
        self.assert_threads(None)

    def test_htcondors_values_are_not_the_users(self):
        htcondor = {"BATCH_SYSTEM": "HTCondor", "_CONDOR_SLOT": "slot1_1"}
        htcondor.update(OMP_NUM_THREADS="2", MKL_NUM_THREADS="2", GOMAXPROCS="2")
        self.divided(2, cpus=CPUS[:2], environment=htcondor)
        self.assert_threads(1)
        self.assert_threads(1, ["GOMAXPROCS"])

    def test_the_users_value_is_kept_inside_htcondor(self):
        htcondor = {"BATCH_SYSTEM": "HTCondor"}
        htcondor.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="4", GOMAXPROCS="4")
        self.divided(1, environment=htcondor)
        self.assert_threads(1, ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])

    def test_request_cpus_limits_the_threads_where_htcondor_binds_to_no_cpus(self):
        htcondor = {"BATCH_SYSTEM": "HTCondor", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.divided(1, environment=htcondor)
        self.assertEqual(self.masks, [CPUS])
        self.assert_threads(1)


class GpusTest(DivisionTest):
    def visible(self):
        cuda = self.values("CUDA_VISIBLE_DEVICES")
        self.assertEqual(self.values("NVIDIA_VISIBLE_DEVICES"), cuda)
        return cuda

    def test_whole_devices_are_dealt_when_there_are_enough(self):
        job = self.divided(2, environment={"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b,5,7"})
        self.assertEqual(self.visible(), ["GPU-a,GPU-b", "5,7"])
        self.assertRegex(self.ended.stdout, r"GPUs GPU-a,GPU-b,5,7 \(CUDA_VISIBLE_DEVICES\): 2")
        self.assertRegex(self.ended.stdout, r"run_1\.0-0 starts.*, GPUs 5,7")
        self.assertEqual(job.attempt("run_0.0-0")["gpus"], "GPU-a,GPU-b")

    def test_else_they_are_shared(self):
        self.divided(3, environment={"SLURM_JOB_GPUS": "0-1"})
        self.assertEqual(self.visible(), ["0", "1", "0"])

    def test_htcondors_names(self):
        self.divided(2, environment={"_CONDOR_AssignedGPUs": "CUDA1,GPU-c4a646d7"})
        self.assertEqual(self.visible(), ["1", "GPU-c4a646d7"])

    def test_so_many_for_each_run(self):
        environment = {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}
        self.divided(2, environment=environment, **{"runner.gpus_per_run": 1})
        self.assertEqual(self.visible(), ["0", "1"])
        self.divided(2, environment=environment, **{"runner.gpus_per_run": 0})
        self.assertEqual(self.values("CUDA_VISIBLE_DEVICES"), ["-1", "-1"])
        self.assertEqual(self.values("NVIDIA_VISIBLE_DEVICES"), ["none", "none"])

    def test_dealing_can_be_turned_off(self):
        self.divided(
            2, environment={"CUDA_VISIBLE_DEVICES": "0,1"}, **{"runner.gpus_per_run": "all"}
        )
        self.assertEqual(self.values("CUDA_VISIBLE_DEVICES"), ["0,1"] * 2)
        self.assertEqual(self.values("NVIDIA_VISIBLE_DEVICES"), [None] * 2)

    def test_nothing_is_set_where_nothing_is_assigned(self):
        self.divided(1)
        self.assertEqual(self.visible(), [None])

    def test_too_few_for_what_was_asked_for_are_an_error(self):
        server = self.server()
        job = self.job({}, server, **{"runner.gpus_per_run": 1})
        job.environment["CUDA_VISIBLE_DEVICES"] = "0"
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, support.ERROR)
        self.assertIn("runner.gpus_per_run is 1", server.error_text)
        self.assertIn("1 GPU (CUDA_VISIBLE_DEVICES) for 3 runs", server.error_text)


if __name__ == "__main__":
    support.main()
