"""A selection of kill_pairs_test.py as an ordinary user, who has no rights that matter here: the
kernel, bubblewrap, mpirun and the helper treat root in other ways."""

import os

import kill_pairs_test
import support
from kill_pairs_test import images


class Selection:
    CASES = ()

    def test_a_selection(self):
        self.assertEqual(os.getresuid(), (support.ORDINARY_USER,) * 3)
        self.check_cases(self.CASES)


class WithoutContainer(Selection, kill_pairs_test.Campaign):
    PARAMETERS = {"runner.container": "none"}
    LEARNING_RUNS = 2
    CASES = (
        *(("learner",), ("helper",), ("rank", "helper"), ("mpirun", "learner")),
        *(("launcher",), ("launcher", "rank 0")),
    )


class InBubblewrap(Selection, kill_pairs_test.Campaign):
    PARAMETERS = {"runner.container": "bubblewrap"}
    CONTAINER_DEPTH = 1
    LEARNING_RUNS = 2
    CASES = (
        *(("backend",), ("starter",), ("helper", "starter"), ("rank", "starter")),
        *(("launcher", "guardian"), ("launcher", "starter"), ("launcher", "mpirun")),
    )


class InApptainer(Selection, kill_pairs_test.Campaign):
    """The image is mounted by a program, squashfuse, which would live on without bubblewrap."""

    PARAMETERS = {"singularity.image": "/mnt/images/trainer.sif"}
    CONTAINER_DEPTH = 4
    LEARNING_RUNS = 2
    CASES = (("apptainer",), ("starter", "helper"), ("launcher", "apptainer"))

    def setUp(self):
        super().setUp()
        environment = self.sample.environment
        for name in ("SCRIPTED_PLAN", support.MARK):
            environment["APPTAINERENV_" + name] = environment[name]


if __name__ == "__main__":
    folder = os.path.dirname(images.trainer_sif())
    support.main(private_tmp=True, ordinary_user=True, shown={"images": folder})
