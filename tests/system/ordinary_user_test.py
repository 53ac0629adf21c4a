"""A selection of kill_pairs_test.py as an ordinary user, who has no rights that matter here: the
kernel, bubblewrap, mpirun and the helper treat root in other ways."""

import os

import kill_pairs_test
import support


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


if __name__ == "__main__":
    support.main(private_tmp=True, ordinary_user=True)
