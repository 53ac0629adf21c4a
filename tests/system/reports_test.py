"""Early reports: the same number in every job, at fixed milestones."""

import signal

import support
from support import CONCLUDED, EARLY_REPORT, RESULTS, mean, reward_of

FIRST_MEAN = mean([reward_of(run, 0) for run in range(3)])
SECOND_MEAN = mean([reward_of(run, 1) for run in range(3)])


class ReportsTest(support.SystemTest):
    def reported(self, server):
        for payload in server.payloads(EARLY_REPORT):
            self.assertEqual(list(payload)[0], "mean_eprewmean")
        return [payload["mean_eprewmean"] for payload in server.payloads(EARLY_REPORT)]

    def assert_reports(self, server, values):
        reported = self.reported(server)
        self.assertEqual(len(reported), len(values), reported)
        for one, other in zip(reported, values):
            self.assertAlmostEqual(one, other, places=12)

    def test_none_unless_they_are_asked_for(self):
        server = self.server()
        self.assert_ended(self.job({}, server).run(), 0)
        self.assert_reports(server, [])

    def test_the_number_depends_on_nothing(self):
        """Not on ranks, starts, or failures."""
        for ranks, per_job, plan in (
            (3, 1, {}),
            (1, 2, {}),
            (2, 1, {"0.0-0": {"ends_with": 1}, "1.1-*": {"lasts_s": 0.1}}),
        ):
            with self.subTest(ranks=ranks, per_job=per_job):
                server = self.server()
                job = self.job(plan, server, training_iterations=2)
                job.set(
                    **{
                        "runner.ranks": ranks,
                        "runner.iterations_per_job": per_job,
                        "runner.early_reports": 4,
                    }
                )
                if per_job == 1:
                    self.assert_ended(job.run(), 3)
                    self.assert_reports(server, [FIRST_MEAN] * 2)
                self.assert_ended(job.run(), 0)
                # Short trainings pass their inner milestones at their ends.
                self.assert_reports(server, [FIRST_MEAN] * 2 + [SECOND_MEAN] * 2)
                self.assertEqual(server.names[-2:], [RESULTS, CONCLUDED])
                last_report = max(
                    i for i, name in enumerate(server.names) if name == EARLY_REPORT
                )
                self.assertLess(last_report, server.names.index(RESULTS))

    def test_a_milestone_is_reported_while_trainings_run_and_not_again(self):
        server = self.server()
        job = self.job({"*": {}}, server, **{"runner.early_reports": 2})
        job.plan["*.0-0"] = {"gate": job.gate()}
        start = job.start()
        server.wait_for(EARLY_REPORT)  # half of the steps of all runs are made
        halfway = FIRST_MEAN - 0.125
        self.assert_reports(server, [halfway])
        # The rest is done by another start, which must not repeat the first one.
        start.signal(signal.SIGUSR1)
        self.assert_ended(start.wait(), 3)
        self.assert_ended(job.run(), 0)
        self.assert_reports(server, [halfway, FIRST_MEAN])


if __name__ == "__main__":
    support.main()
