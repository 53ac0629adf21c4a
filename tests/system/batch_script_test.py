"""slurm/reprise_single_node.sbatch with a fake reprise and a fake scontrol on PATH."""

import os
import signal
import subprocess
import tempfile
import unittest

SCRIPT = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "slurm", "reprise_single_node.sbatch"
)


class BatchScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.fake("scontrol", 'echo "scontrol $*"')

    def fake(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write("#!/bin/bash\n%s\n" % text)
        os.chmod(path, 0o755)

    def start(self, **environment):
        environment.update(PATH=self.folder + os.pathsep + os.environ["PATH"], SLURM_JOB_ID="7")
        return subprocess.Popen(
            ["bash", SCRIPT, "settings.json", "a=1"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_script(self, **environment):
        process = self.start(**environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def test_the_program_gets_the_arguments_and_its_exit_code_is_the_jobs(self):
        for code in (0, 1):
            self.fake("reprise", 'echo "reprise $*"; exit %d' % code)
            expected = (code, "reprise job settings.json a=1 --exit-for-restart\n", "")
            self.assertEqual(self.run_script(), expected)

    def test_exit_code_3_puts_the_job_back_into_the_queue(self):
        self.fake("reprise", "exit 3")
        self.assertEqual(self.run_script(), (0, "scontrol requeue 7\n", ""))
        self.assertEqual(self.run_script(SLURM_RESTART_COUNT="99")[0], 0)

    def test_the_number_of_restarts_has_a_limit(self):
        self.fake("reprise", "exit 3")
        code, output, errors = self.run_script(SLURM_RESTART_COUNT="2", REPRISE_MAX_RESTARTS="2")
        self.assertEqual((code, output), (3, ""))
        self.assertIn("after 2 restarts", errors)

    def test_a_refused_requeue_is_told(self):
        self.fake("reprise", "exit 3")
        self.fake("scontrol", "exit 1")
        code, _, errors = self.run_script()
        self.assertEqual(code, 3)
        self.assertIn("cannot requeue job 7", errors)

    def test_signals_reach_the_program_and_its_end_is_waited_for(self):
        for name in ("USR1", "TERM"):
            program = "trap 'kill $!; echo %s; exit 3' %s; sleep 60 & echo up; wait"
            self.fake("reprise", program % (name, name))
            process = self.start()
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(getattr(signal, "SIG" + name))
            output, _ = process.communicate(timeout=60)
            self.assertEqual(output, name + "\nscontrol requeue 7\n")


if __name__ == "__main__":
    unittest.main()
