"""The user pages are complete: every parameter, placeholder and choice of the sources is in
docs/parameters.md as it is there, docs/errors.md is as its generator writes it, links lead
somewhere, and the examples are the files that other tests run."""

import json
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PAGES = (
    "docs/parameters.md",
    "docs/errors.md",
    "docs/cluster_utils.md",
    "docs/results_file.md",
    "docs/cores_and_gpus.md",
    "docs/clusters.md",
)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


PAGE = read("docs/parameters.md")
HEADER = read("include/reprise/parameters/job_spec.hpp")
SOURCE = read("src/parameters/job_spec.cpp")


def section(title):
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)


def rows():
    """The tables of parameters: name -> (what it takes, default)."""
    found = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`") and not cells[0].startswith("`@"):
            found[cells[0].strip("`")] = (cells[1], cells[2])
    return found


def names_in(function):
    """The parameters that a function of the source reads with a reader."""
    body = re.search(rf"^\S+ {function}\(.*?^}}", SOURCE, re.M | re.S).group(0)
    return re.findall(r'(?:reader\.\w+|read_\w+)\((?:reader, )?"(\w+)"', body)


def known_parameters():
    # Those in the middle have a function of their own each.
    runner = names_in("read_runner")
    runner += ["iterations_per_job", "reducers", "on_exhausted", "container", "gpus_per_run"]
    runner += ["on_term", *names_in("read_time")]
    learner = names_in("read_learner")
    names = [f"runner.{name}" for name in [*runner, "stop_signal"]]
    names += [f"learner.{name}" for name in learner]
    names += re.findall(r'top\.\w+\("(\w+)"', SOURCE)
    names += [f"singularity.{name}" for name in [*names_in("read_singularity"), "script"]]
    names += ["config.config_templates"]
    return set(names)


def default_of(name):
    """As the page should show it; None where the header has no plain value."""
    struct = {"runner": "RunnerOptions", "learner": "LearnerProfile"}.get(
        name.split(".")[0], "JobSpec"
    )
    body = re.search(rf"struct {struct} {{(.*?)^}};", HEADER, re.M | re.S).group(1)
    body = re.sub(r"///[^\n]*", "", body)
    field = name.split(".")[-1]
    found = re.search(rf"([\w:<>]+(?: [\w:<>]+)*) {field}(?:\s*=\s*([^;]*))?;", body)
    if not found:
        return None
    kind, value = found.group(1), found.group(2)
    if kind.startswith("std::vector"):
        return "[" + ", ".join(f"'{text}'" for text in re.findall(r'"([^"]*)"', value or "")) + "]"
    if value is None:
        return None
    if value.endswith("::automatic"):
        return "'auto'"
    return re.sub(r'^"(.*)"$', r"'\1'", value)


class ParametersPageTest(unittest.TestCase):
    maxDiff = None

    def test_every_parameter_of_the_source_has_its_row_and_no_other(self):
        self.assertGreater(len(known_parameters()), 25)
        self.assertEqual(set(rows()), known_parameters())

    def test_defaults_are_those_of_the_header(self):
        seen = 0
        for name, (_, shown) in rows().items():
            expected = default_of(name)
            if expected is None:
                continue
            with self.subTest(name):
                self.assertEqual(shown, f"`{expected}`")
                seen += 1
        self.assertGreater(seen, 18)

    def test_ranges_are_those_of_the_source(self):
        ranges = {
            name: (least.replace("'", ""), most.replace("'", ""))
            for name, least, most in re.findall(
                r"IntegerRange (\w+)\{([\d']+), ([\d']+)\}", SOURCE
            )
        }
        seen = 0
        for name, which in re.findall(r'integer\("(\w+)", (\w+)\)', SOURCE):
            (row,) = [row for full, row in rows().items() if full.split(".")[-1] == name]
            with self.subTest(name):
                self.assertIn(" to ".join(ranges[which]), row[0])
                seen += 1
        self.assertGreater(seen, 7)

    def test_choices_are_those_of_the_source(self):
        for name, allowed in re.findall(r'choice\("(\w+)", \{([^}]*)\}', SOURCE):
            row = rows()[f"runner.{name}"]
            for value in re.findall(r'"(\w+)"', allowed):
                with self.subTest(name=name, value=value):
                    self.assertIn(f"`'{value}'`", row[0])
        for function, parameter in (
            ("stop_signal_names", "stop_signal"),
            ("reducer_names", "reducers"),
        ):
            body = re.search(rf"{function}\(\) {{(.*?)^}}", SOURCE, re.M | re.S).group(1)
            for value in set(re.findall(r'"(\w+)"', body)) - {"mean", "std"}:
                with self.subTest(parameter=parameter, value=value):
                    self.assertIn(f"`'{value}'`", rows()[f"runner.{parameter}"][0])

    def test_placeholders_and_variables_are_those_of_the_source(self):
        source = read("src/parameters/command_template.cpp")
        names = re.findall(r'^    \{"(\w+)", \[\]', source, re.M)
        self.assertGreater(len(names), 6)
        table = section("The learner")
        shown = set(re.findall(r"`@(\w+)@`", table))
        self.assertEqual(shown, set(names))
        self.assertEqual(
            set(re.findall(r"`REPRISE_(\w+)`", table)), {name.upper() for name in names}
        )

    def test_what_may_change_between_starts_is_what_the_source_lets_change(self):
        source = read("src/parameters/sample_digest.cpp")
        body = re.search(r"changeable_parameters\(\) {(.*?)^}", source, re.M | re.S).group(1)
        text = section("Starting again")
        paragraph = text[text.index("`max_attempts`") : text.index("A job that failed")]
        shown = re.findall(r"`([\w.]+)`", paragraph)
        self.assertEqual(set(shown), set(re.findall(r'"([\w.]+)"', body)))

    def test_the_trainer_shown_is_the_one_that_is_tested(self):
        for language, name in (("python", "train.py"), ("json", "settings.json")):
            with self.subTest(name):
                content = read(f"docs/examples/own_trainer/{name}")
                self.assertIn(f"```{language}\n{content}```", PAGE)


class PagesTest(unittest.TestCase):
    def test_the_errors_page_is_up_to_date(self):
        command = [sys.executable, os.path.join(ROOT, "scripts", "generate_errors_doc.py")]
        done = subprocess.run([*command, "--check"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_examples_in_json_and_toml_can_be_read(self):
        for page in PAGES:
            for language, text in re.findall(r"```(json|toml)\n(.*?)```", read(page), re.S):
                with self.subTest(page=page, text=text):
                    if language == "json":
                        json.loads(text)
                    else:
                        import tomllib

                        tomllib.loads(text)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
                if "://" in target:
                    continue
                with self.subTest(page=page, target=target):
                    name, _, anchor = target.partition("#")
                    path = os.path.normpath(os.path.join("docs", name)) if name else page
                    content = read(path)
                    if anchor:
                        headings = re.findall(r"^#+ (.*)$", content, re.M)
                        self.assertIn(anchor, [h.lower().replace(" ", "-") for h in headings])


if __name__ == "__main__":
    unittest.main()
