#!/usr/bin/env python3
"""Sends the datagrams of Reprise to the communication server of cluster_utils and looks at what its
jobs hold afterwards.

    VENV/bin/python cluster_utils_server_check.py SEND_MESSAGES

VENV: a virtual environment with cluster-utils 3.0.0. SEND_MESSAGES: the tool of tests/support.
"""

import logging
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

try:
    from cluster_utils.server.communication_server import CommunicationServer
    from cluster_utils.server.dummy_cluster_system import DummyClusterSubmission
    from cluster_utils.server.job import Job, JobStatus
except ImportError as error:
    sys.exit(
        f"cannot import cluster_utils with {sys.executable} ({error}). Run this check with the"
        " Python of a virtual environment that has cluster-utils[runner] 3.0.0."
    )

SEND_MESSAGES = ""
DEADLINE_S = 20
METRIC = "mean_eprewmean"
ALIEN_BYTES = b"\xff\xc3("


def hex_of(value):
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    data = value.encode() if isinstance(value, str) else value
    return data.hex() or "-"


def line(name, job_id, *values):
    """One message as send_messages reads it; metrics are a dict."""
    words = []
    for value in values:
        if isinstance(value, dict):
            words += [f"{hex_of(key)}={hex_of(number)}" for key, number in value.items()]
        else:
            words.append(hex_of(value))
    return " ".join([name, str(job_id), *words])


class Failures(logging.Handler):
    """Errors in the server's log: it reports unknown message types there and goes on."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


class Server:
    """One real server, in this process, shared by the tests; every test has jobs of its own."""

    def __init__(self, folder):
        self.failures = Failures()
        logging.getLogger("cluster_utils").addHandler(self.failures)
        self.paths = {
            "main_path": folder,
            "script_to_run": "job.py",
            "jobs_dir": folder,
            "result_dir": folder,
            "current_result_dir": folder,
        }
        self.system = DummyClusterSubmission({"request_cpus": 1}, self.paths)
        self.server = CommunicationServer(self.system)
        # Whatever a handler raises ends up here.
        self.server.event_loop.set_exception_handler(
            lambda _, context: self.failures.messages.append(str(context))
        )

    def add_job(self, job_id=None):
        if job_id is None:
            job_id = self.system.inc_job_id
        job = Job(
            id=job_id,
            settings={"learning_rate": 0.001},
            other_params={},
            paths=self.paths,
            iteration=1,
            connection_info=self.server.connection_info,
            opt_procedure_name="check",
            singularity_settings=None,
            metric_to_watch=METRIC,
        )
        job.generate_execution_cmd(self.paths)  # sets what the results are joined with
        job.status = JobStatus.SUBMITTED
        self.system.add_jobs(job, enqueue=False)
        return job

    def send(self, *lines):
        """Returns when the server has handled all of them: one socket's datagrams stay in order."""
        last = self.add_job()
        info = self.server.connection_info
        text = "\n".join([*lines, line("JOB_STARTED", last.id, "last")]) + "\n"
        subprocess.run(
            [SEND_MESSAGES, info["ip"], str(info["port"])], input=text, check=True, text=True
        )
        self.wait_until(lambda: last.hostname == "last")

    def wait_until(self, condition):
        """Looks after every turn of the server's event loop."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing after {DEADLINE_S} s; {self.failures.messages}")
            turned = threading.Event()
            self.server.event_loop.call_soon_threadsafe(turned.set)
            turned.wait(DEADLINE_S)

    def close(self):
        self.server.event_loop.call_soon_threadsafe(self.server.event_loop.stop)
        self.system.executor.shutdown()


class ClusterMessagesCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server(str(pathlib.Path(cls.folder.name)))

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    def setUp(self):
        self.job = self.server.add_job()
        self.started = line("JOB_STARTED", self.job.id, "node1")

    def tearDown(self):
        self.assertEqual(self.server.failures.messages, [])

    def test_a_started_job_runs_on_its_host(self):
        self.server.send(self.started)
        self.assertEqual(self.job.status, JobStatus.RUNNING)
        self.assertEqual(self.job.hostname, "node1")
        self.assertIsNotNone(self.job.start_time)

    def test_a_host_name_of_any_bytes_registers_the_job(self):
        self.server.send(line("JOB_STARTED", self.job.id, ALIEN_BYTES))
        self.assertEqual(self.job.status, JobStatus.RUNNING)
        self.assertEqual(self.job.hostname, "\ufffd\ufffd(")

    def test_results_then_conclusion_make_a_successful_job(self):
        metrics = {METRIC: -0.1, "std_eprewmean": 1 / 3, "time_elapsed": 5e-324}
        self.server.send(
            self.started,
            line("JOB_SENT_RESULTS", self.job.id, metrics),
            line("JOB_CONCLUDED", self.job.id),
        )
        self.assertEqual(self.job.status, JobStatus.CONCLUDED)
        self.assertIn(self.job, self.server.system.successful_jobs)
        self.assertEqual(list(self.job.metrics.items()), list(metrics.items()))
        row = self.job.resulting_df.iloc[0]
        self.assertEqual({name: row[name] for name in metrics}, metrics)
        self.assertEqual(row["learning_rate"], 0.001)

    def test_an_error_fails_the_job_with_its_text(self):
        lines = ["what happened:\n", "  ", "ä☃\n", ALIEN_BYTES + b"\n", "the reason\n"]
        self.server.send(self.started, line("ERROR_ENCOUNTERED", self.job.id, *lines))
        self.assertEqual(self.job.status, JobStatus.FAILED)
        self.assertIn(self.job, self.server.system.failed_jobs)
        self.assertEqual(
            self.job.error_info, "what happened:\n  ä☃\n\ufffd\ufffd(\nthe reason\n"
        )

    def test_an_error_longer_than_a_datagram_arrives_without_its_middle(self):
        lines = [f"line {i} {'☃' * 70}\n" for i in range(1000)]
        self.server.send(self.started, line("ERROR_ENCOUNTERED", self.job.id, *lines))
        self.assertEqual(self.job.status, JobStatus.FAILED)
        self.assertTrue(self.job.error_info.startswith(lines[0]))
        self.assertTrue(self.job.error_info.endswith(lines[-1]))
        self.assertIn(" bytes left out ...]\n", self.job.error_info)
        self.assertGreater(len(self.job.error_info.encode()), 60_000)

    def test_progress_gives_the_estimated_end(self):
        self.server.send(self.started, line("JOB_PROGRESS_PERCENTAGE", self.job.id, 0.5))
        elapsed = time.time() - self.job.start_time
        self.assertGreater(self.job.estimated_end, self.job.start_time)
        self.assertLessEqual(self.job.estimated_end, self.job.start_time + 2 * elapsed)

    def test_the_smallest_progress_is_accepted(self):
        self.server.send(self.started, line("JOB_PROGRESS_PERCENTAGE", self.job.id, 1e-300))
        self.assertIsNotNone(self.job.estimated_end)

    def test_early_reports_are_kept_in_order(self):
        self.server.send(
            self.started,
            line("METRIC_EARLY_REPORT", self.job.id, {"other": 1.0, METRIC: -2.5}),
            line("METRIC_EARLY_REPORT", self.job.id, {METRIC: -1.25}),
            line("METRIC_EARLY_REPORT", self.job.id, {METRIC: 0.0}),
        )
        self.assertEqual(self.job.reported_metric_values, [-2.5, -1.25, 0.0])

    def test_exit_for_resume_queues_the_job_again_and_the_next_start_goes_on(self):
        self.server.send(self.started, line("EXIT_FOR_RESUME", self.job.id))
        first_start = self.job.start_time
        self.assertTrue(self.job.waiting_for_resume)
        self.assertIn(self.job, self.server.system.submission_queue)
        self.server.send(line("JOB_STARTED", self.job.id, "node2"))
        self.assertFalse(self.job.waiting_for_resume)
        self.assertEqual(self.job.hostname, "node2")
        self.assertEqual(self.job.start_time, first_start)

    def test_ids_of_every_size_find_their_job(self):
        for bits in (8, 16, 31, 32, 62):
            for job_id in (2**bits - 1, 2**bits, 2**bits + 1):
                job = self.server.add_job(job_id)
                self.server.send(line("JOB_STARTED", job_id, "node1"))
                self.assertEqual(job.status, JobStatus.RUNNING, job_id)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    SEND_MESSAGES = sys.argv.pop(1)
    unittest.main(verbosity=2)
