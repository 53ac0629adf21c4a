"""The batch scripts of slurm/ with a fake reprise and a fake scontrol on PATH: what they do with
exit codes and signals. tests/clusters runs them on a real Slurm."""

import os
import signal
import subprocess
import tempfile
import unittest

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "slurm")
SHOW = "[ $1 = show ] && { echo JobId=7 JobState=${FAKE_STATE:-RUNNING}; exit; }\n"


class BatchScriptTest(unittest.TestCase):
    SCRIPT = "reprise_single_node.sbatch"
    ARGUMENTS = ["settings.json", "a=1"]
    PASSED_ON = "settings.json a=1"
    JOB = "7"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.fake("scontrol", SHOW + 'echo "scontrol $*"')

    def fake(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write("#!/bin/bash\n%s\n" % text)
        os.chmod(path, 0o755)

    def start(self, **environment):
        environment.update(PATH=self.folder + os.pathsep + os.environ["PATH"], SLURM_JOB_ID="7")
        environment = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", **environment}
        return subprocess.Popen(
            ["bash", os.path.join(SCRIPTS, self.SCRIPT), *self.ARGUMENTS],
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
            expected = (code, f"reprise job {self.PASSED_ON} --exit-for-restart\n", "")
            self.assertEqual(self.run_script(), expected)

    def test_exit_code_3_puts_the_job_back_into_the_queue(self):
        """However often: the limit of restarts is the program's."""
        self.fake("reprise", "exit 3")
        expected = (0, f"scontrol requeue {self.JOB}\n", "")
        self.assertEqual(self.run_script(SLURM_RESTART_COUNT="12345"), expected)

    def test_a_job_that_slurm_is_ending_is_left_alone(self):
        """A requeue would bring a cancelled one back to life."""
        self.fake("reprise", "exit 3")
        code, output, errors = self.run_script(FAKE_STATE="COMPLETING")
        self.assertEqual((code, output), (3, ""))
        self.assertIn(f"Slurm ends job {self.JOB}", errors)

    def test_a_refused_requeue_is_told(self):
        self.fake("reprise", "exit 3")
        self.fake("scontrol", SHOW + "exit 1")
        code, _, errors = self.run_script()
        self.assertEqual(code, 3)
        self.assertIn(f"cannot requeue job {self.JOB}", errors)

    def test_signals_reach_the_program_and_its_end_is_waited_for(self):
        for name in ("USR1", "TERM"):
            program = "trap 'kill $!; echo %s; exit 3' %s; sleep 60 & echo up; wait"
            self.fake("reprise", program % (name, name))
            process = self.start()
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(getattr(signal, "SIG" + name))
            output, _ = process.communicate(timeout=60)
            self.assertEqual(output, f"{name}\nscontrol requeue {self.JOB}\n")


class PreemptableScriptTest(BatchScriptTest):
    SCRIPT = "reprise_preemptable.sbatch"


class ArrayScriptTest(BatchScriptTest):
    SCRIPT = "reprise_array.sbatch"
    ARGUMENTS = ["one.json", "two.json"]
    PASSED_ON = "two.json"
    JOB = "7_1"

    def test_a_task_without_a_file_says_so(self):
        code, output, errors = self.run_script(SLURM_ARRAY_TASK_ID="2")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("no file for task 2: 2 files. Submit with --array=0-1.", errors)


if __name__ == "__main__":
    unittest.main()
