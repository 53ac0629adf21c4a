"""How a job is called: by cluster_utils 3.x and 2.x, by hand; and what it says to bad input."""

import os

import support
from support import CONCLUDED, ERROR, JOB_ID, RESULTS, STARTED


class AddressTest(support.SystemTest):
    def check(self, server, arguments, job):
        self.assert_ended(job.run(arguments=arguments), 0)
        self.assertEqual(server.names[0], STARTED)
        self.assert_last_word(server, RESULTS, CONCLUDED)

    def by_3(self, address, job):
        return [
            f"--job-id={JOB_ID}",
            f"--cluster-utils-server={address}",
            "--parameter-dict",
            repr(job.parameters),
        ]

    def test_a_host_name(self):
        server = self.server()
        job = self.job({}, server, learning_runs_per_job=2)
        self.check(server, self.by_3(f"localhost:{server.port}", job), job)

    def test_ipv6(self):
        server = self.server("::1")
        job = self.job({}, server, learning_runs_per_job=2)
        self.check(server, self.by_3(f"[::1]:{server.port}", job), job)

    def test_arguments_of_cluster_utils_2(self):
        server = self.server()
        job = self.job({}, server, learning_runs_per_job=2)
        connection = {"_id": JOB_ID, "ip": "127.0.0.1", "port": server.port}
        self.check(server, [repr(connection), repr(job.parameters)], job)

    def test_a_server_that_is_gone_does_not_stop_the_trainings(self):
        server = self.server()
        job = self.job({}, server, learning_runs_per_job=1)
        arguments = job.arguments()
        server.close()
        ended = job.run(arguments=arguments)
        self.assert_ended(ended, 0)
        self.assertIn("could not be sent", ended.stderr)

    def test_a_server_that_nobody_knows_is_an_error(self):
        job = self.job({})
        ended = job.run(arguments=self.by_3("no-such-host.invalid:4711", job))
        self.assert_ended(ended, 1)
        self.assertIn("no-such-host.invalid", ended.stderr)
        self.assertFalse(os.path.exists(job.working_dir))


class ByHandTest(support.SystemTest):
    def test_overrides_are_python_literals(self):
        job = self.job({})
        ended = job.run(
            "learning_runs_per_job=1",
            "config.hysr_config.robot_position:0=-0.25",
            "config.rl_config.num_timesteps=2_000",
            "runner.ranks=1",
        )
        self.assert_ended(ended, 0)
        self.assertEqual(job.directories, ["run_0.0-0"])
        content = support.read_json(job.path("run_0.0-0", "config", "hysr_config.json"))
        self.assertEqual(content["robot_position"], [-0.25, 0.0, 1.21])
        self.assertEqual(job.attempt("run_0.0-0")["steps"], 2000)
        settings = support.read_json(job.path("settings.json"))
        self.assertEqual(settings["config"]["hysr_config"], {"robot_position:0": -0.25})

    def test_toml(self):
        job = self.job({})
        path = os.path.join(job.folder, "settings.toml")
        with open(path, "w") as file:
            file.write(f'working_dir = "{job.working_dir}"\nlearning_runs_per_job = 2\n')
            file.write(f'[config]\nconfig_templates = "{job.templates}"\n')
        self.assert_ended(job.run(arguments=[path]), 0)
        self.assertEqual(job.directories, ["run_0.0-0", "run_1.0-0"])

    def test_paths_are_relative_to_where_the_job_was_started(self):
        job = self.job({}, learning_runs_per_job=1)
        job.set(
            working_dir="out",
            **{"config.config_templates": "templates/templates.json"},
        )
        self.assert_ended(job.run(directory=job.folder), 0)
        self.assertEqual(job.directories, ["run_0.0-0"])

    def test_help_and_version_end_with_0(self):
        job = self.job({})
        for arguments, text in ((["--help"], "--exit-for-restart"),):
            ended = job.run(arguments=arguments)
            self.assert_ended(ended, 0)
            self.assertIn(text, ended.stdout)
        job.wrapper = [support.REPRISE]
        ended = job.run(arguments=["--version"])
        self.assert_ended(ended, 0)
        self.assertRegex(ended.stdout, r"\d+\.\d+\.\d+")

    def test_no_arguments_are_an_error(self):
        job = self.job({})
        ended = job.run(arguments=[])
        self.assert_ended(ended, 1)
        self.assertIn("settings.json", ended.stderr)
        job.wrapper = [support.REPRISE]
        self.assert_ended(job.run(arguments=[]), 1)
        self.assert_ended(job.run(arguments=["jbo"]), 1)


class SurroundingsTest(support.SystemTest):
    def test_a_job_inside_another_mpi_job(self):
        """As somebody does who starts it with mpirun or srun."""
        server = self.server()
        job = self.job({}, server)
        root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
        job.wrapper = ["mpirun", *root, "--oversubscribe", "-n", "1", *job.wrapper]
        self.assert_ended(job.run(), 0)
        self.assert_last_word(server, RESULTS, CONCLUDED)
        for directory in job.directories:
            names = job.facts(directory)["environment"]
            self.assertEqual([n for n in names if n.startswith(("OMPI_", "PMIX_"))], [])

    def test_a_job_inside_a_slurm_step(self):
        job = self.job({})
        job.environment.update(
            SLURM_JOB_ID="17",
            SLURM_JOBID="17",
            SLURM_NNODES="1",
            SLURM_NTASKS="3",
            SLURM_JOB_NODELIST="nowhere-1",
            SLURM_NODELIST="nowhere-1",
            SLURM_TASKS_PER_NODE="3",
            SLURM_STEP_ID="0",
            SLURM_PROCID="0",
            SLURM_LOCALID="0",
            SLURM_CPU_BIND="quiet,mask_cpu:0x1",
            SLURM_STEP_NUM_TASKS="1",
            PMI_RANK="0",
            PMI_SIZE="1",
        )
        self.assert_ended(job.run(), 0)
        for directory in job.directories:
            names = job.facts(directory)["environment"]
            self.assertEqual(
                sorted(n for n in names if n.startswith(("SLURM_", "PMI_"))),
                [
                    "SLURM_JOBID",
                    "SLURM_JOB_ID",
                    "SLURM_JOB_NODELIST",
                    "SLURM_NNODES",
                    "SLURM_NODELIST",
                    "SLURM_NTASKS",
                    "SLURM_TASKS_PER_NODE",
                ],
            )

    def test_a_poor_environment(self):
        """No HOME, no TMPDIR that exists, no locale, nothing but PATH."""
        job = self.job({})
        kept = ("PATH", "SCRIPTED_PLAN", support.MARK, "REPRISE_BIN")
        job.environment = {name: job.environment[name] for name in kept}
        job.environment["TMPDIR"] = "/no/such/folder"
        self.assert_ended(job.run(), 0)

    def test_one_processor(self):
        cpu = min(os.sched_getaffinity(0))
        job = self.job({})
        job.wrapper = ["taskset", "--cpu-list", str(cpu), *job.wrapper]
        self.assert_ended(job.run(), 0)
        self.assertEqual(job.facts("run_2.0-0")["cpus"], [cpu])


class BadInputTest(support.SystemTest):
    """What is wrong reaches the server and stderr by name; the code is 1; nothing was trained."""

    def check(self, arguments_of, words, parameters=None):
        server = self.server()
        job = self.job({}, server, **(parameters or {}))
        job.wrapper = [support.REPRISE, "job"]
        ended = job.run(arguments=arguments_of(job, server) if arguments_of else None)
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        self.assertLessEqual(set(server.names), {STARTED, ERROR})
        for word in words:
            self.assertIn(word, server.error_text)
            self.assertIn(word, ended.stderr)
        self.assertFalse(os.path.exists(job.working_dir) and job.directories)
        return ended

    def test_parameters(self):
        for parameters, words in (
            ({"learning_runs_per_job": 0}, ["'learning_runs_per_job'"]),
            ({"max_attempts": "three"}, ["'max_attempts'"]),
            ({"training_iterations": 1.5}, ["'training_iterations'"]),
            ({"max_atempts": 3}, ["'max_atempts'", "'max_attempts'"]),
            ({"runner.rank": 3}, ["'runner.rank'", "'runner.ranks'"]),
            ({"learner.reward_colum": "x"}, ["learner.reward_colum", "reward_column"]),
            ({"working_dir": None}, ["'working_dir'"]),
            ({"config.config_templates": None}, ["'config.config_templates'"]),
            ({"config.config_templates": "/no/such/file.json"}, ["/no/such/file.json"]),
            ({"config.ppo_config.x": 1}, ["'config.ppo_config'"]),
            ({"config.rl_config.n_step": 1}, ["rl_config.n_step'", "'config.rl_config.n_steps'"]),
            ({"config.hysr_config.robot_position:3": 1.0}, ["robot_position:3"]),
            ({"config.hysr_config.graphics:0": True}, ["graphics:0"]),
            ({"learner.command": ["hysr_one_ball_rl", "@confg@"]}, ["@confg@", "config"]),
            ({"runner.launcher": "none", "runner.ranks": 2}, ["runner.ranks", "runner.launcher"]),
            ({"runner.container": "docker"}, ["runner.container"]),
            ({"runner.on_exhausted.accept": 4}, ["accept"]),
        ):
            with self.subTest(parameters):
                self.check(None, words, parameters)

    def test_dictionaries(self):
        for text, words in (
            ("{'working_dir': 'out', 'x': nan}", ["'x'", "nan"]),
            ("{'working_dir': 'out', 'y': {'x': [1, -inf]}}", ["y.x", "inf"]),
            ("{'working_dir': 'out'", ["offset"]),
            ("{'working_dir': open('/etc/passwd')}", ["offset"]),
            ("{'a': 1, 'a': 2}", ["'a'"]),
            ("{'a': 100000000000000000000}", ["'a'", "64"]),
            ("['working_dir']", ["dictionary"]),
        ):
            with self.subTest(text):
                self.check(
                    lambda job, server: [
                        f"--job-id={JOB_ID}",
                        f"--cluster-utils-server={server.address}",
                        "--parameter-dict",
                        text,
                    ],
                    words,
                )

    def test_options(self):
        """The server is known, so it must hear what is wrong with the rest."""
        for more, words in (
            (["--parameter-dct", "{}"], ["--parameter-dct"]),
            (["--parameter-dict", "{}", "--exit-for-restrt"], ["--exit-for-restrt"]),
            (["--parameter-dict", "{}", "--log-level=loud"], ["loud"]),
            (["--parameter-dict"], ["parameter"]),
            ([], ["parameter"]),
        ):
            with self.subTest(more):
                self.check(
                    lambda job, server: [
                        f"--job-id={JOB_ID}",
                        f"--cluster-utils-server={server.address}",
                        *more,
                    ],
                    words,
                )

    def test_template_files(self):
        for name, content, words in (
            ("rl_config_default.json", '{"num_timesteps": 1000,}', ["rl_config_default.json"]),
            ("rl_config_default.json", "[]", ["rl_config_default.json"]),
            ("hysr_config_default.json", None, ["hysr_config_default.json"]),
            ("templates.json", '{"rl_config": 3}', ["templates.json", "rl_config"]),
        ):
            with self.subTest(name=name, content=content):
                server = self.server()
                job = self.job({}, server)
                path = os.path.join(os.path.dirname(job.templates), name)
                if content is None:
                    os.unlink(path)
                else:
                    with open(path, "w") as file:
                        file.write(content)
                self.assert_ended(job.run(), 1)
                self.assert_last_word(server, ERROR)
                for word in words:
                    self.assertIn(word, server.error_text)

    def test_mpirun_that_does_not_work_is_an_error_with_its_words(self):
        server = self.server()
        job = self.job({}, server, **{"runner.mpirun_args": ["--no-such-option"]})
        ended = job.run()
        self.assert_ended(ended, 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("runner.mpirun_args", server.error_text)
        self.assertIn("no-such-option", server.error_text)

    def test_without_mpirun_the_error_says_so(self):
        server = self.server()
        job = self.job({}, server)
        folder = os.path.join(job.folder, "path")
        os.mkdir(folder)
        for name in ("python3", "sh", "env"):
            os.symlink(f"/usr/bin/{name}", os.path.join(folder, name))
        job.environment["PATH"] = job.bin + os.pathsep + folder
        self.assert_ended(job.run(), 1)
        self.assert_last_word(server, ERROR)
        self.assertIn("mpirun", server.error_text)
        self.assertIn("Open MPI", server.error_text)


if __name__ == "__main__":
    support.main()
