"""What the tests on every real batch system share."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import support  # noqa: E402

# The batch system's own processes may take a moment to end what a job has left.
CLEARING_LIMIT_S = 10.0


class ClusterTest(support.SystemTest):
    def check_nothing_is_left(self, job):
        """Of the program, on no node."""
        support.wait_until(
            lambda: not self.left(job),
            "the end of all that the job started",
            limit_s=CLEARING_LIMIT_S,
            state=lambda: self.left(job),
        )

    def left(self, job):
        """What should not be there when a job has ended, for messages."""
        return [str(process) for process in job.processes()] + self.shared_memory()

    def shared_memory(self):
        """What lies in /dev/shm of the nodes."""
        raise NotImplementedError
