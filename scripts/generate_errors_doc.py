#!/usr/bin/env python3
"""Writes docs/errors.md from the cases in tests/data/errors, which tests hold to be true.

    scripts/generate_errors_doc.py            writes the page
    scripts/generate_errors_doc.py --check    only says whether it is as it should be

parameters.json: wrong arguments, settings, parameters and templates, with their exact messages.
job.json: everything later. There <…> in a message stands for what differs from case to case.
"""

import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "errors.md")

INTRODUCTION = """\
# Errors

Made by `scripts/generate_errors_doc.py` from `tests/data/errors/`; do not edit.

Every error is one line: what is wrong (why), and what to do. Where nothing else is said, it ends
the job with exit code 1, stands on stderr as `… error launcher: MESSAGE`, and goes to cluster_utils
as ERROR_ENCOUNTERED, with the last lines of the program that failed above it. The server is known
as soon as the arguments name it, so mistakes in the rest of them reach it, too. cluster_utils
writes the message into its log.

| exit code | what it means |
| --- | --- |
| 0 | done; the results were sent |
| 1 | failed; the same command gives the same error until its cause is gone |
| 3 | no error: start the same command again, it goes on from what it saved |

`<…>` stands for what differs.
"""

ARGUMENTS = "Arguments"
SETTINGS = "Settings files and dictionaries"
PARAMETERS = "Parameters of a job"
TEMPLATES = "Template files and the configuration"
RESTART = "Leaving to be started again"
WARNINGS = "Warnings"

# Of parameters.json; the first topic whose pattern fits the beginning of a message has it.
PARAMETER_TOPICS = (
    (SETTINGS, r".*\((not a finite number|too large for|an integer beyond)|.* given twice"),
    (
        ARGUMENTS,
        r"the parameters are missing|option |--|the cluster_utils server|the first of"
        r"|the dictionary of the server|argument '",
    ),
    (
        TEMPLATES,
        r"template|the template set|configuration file|parameter 'config|cannot read 'config/"
        r"|parameter 'learner\.(steps|seed)_parameter' (is '\S+' \(|names)"
        r"|parameter '.*' stands twice in 'config/",
    ),
    (
        SETTINGS,
        r"settings file|'\S+' holds no parameters|cannot (open|read) |the parameters are no dict"
        r"|'__import__'|value '|parameter '.*' (stands twice|in '|is reserved|cannot be set)",
    ),
    (PARAMETERS, r"parameter '"),
)

NOTES = {
    TEMPLATES: "Paths in a template set are relative to its folder, all others to where the job "
    "was started.",
    PARAMETERS: "[parameters.md](parameters.md) has what each of them takes.",
    "Failed trainings": "A training that fails is tried again with another seed. Its message "
    "stands in the log as a warning and in the column `message` of the results file. When the "
    "learning run has failed `max_attempts` times it becomes the job's error: `learning run 0 "
    "failed once, which is max_attempts: MESSAGE`.",
    RESTART: "No errors: exit code 3, and EXIT_FOR_RESUME to the server.",
    WARNINGS: "The job goes on. On stderr only.",
}


def load(name):
    with open(os.path.join(ROOT, "tests", "data", "errors", name), encoding="utf-8") as file:
        return json.load(file)


def topic_of(message):
    for topic, pattern in PARAMETER_TOPICS:
        if re.match(pattern, message):
            return topic
    raise ValueError("no topic for: " + message)


def code(message):
    """As code in a cell of a table."""
    text = message.replace("|", "\\|").replace("\n", " ")
    fence = "``" if "`" in text else "`"
    return fence + text + fence


def remark(case):
    """What is unusual about a case, and what helps."""
    only = case.get("where") == "stderr" and case["topic"] not in (WARNINGS, RESTART)
    return " ".join((["On stderr only."] if only else []) + [case.get("more", "")])


def parameter_sections(cases):
    for topic in (ARGUMENTS, SETTINGS, PARAMETERS, TEMPLATES):
        rows = ["| wrong | message |", "| --- | --- |"]
        for case in cases:
            if topic_of(case["message"]) == topic:
                rows.append("| %s | %s |" % (case["case"], code(case["message"])))
        yield topic, rows


def job_sections(cases):
    for topic in dict.fromkeys(case["topic"] for case in cases):
        mine = [case for case in cases if case["topic"] == topic]
        rows = ["| case | message | to know |", "| --- | --- | --- |"]
        for case in mine:
            rows.append("| %s | %s | %s |" % (case["case"], code(case["message"]), remark(case)))
        yield topic, rows


def page():
    parts = [INTRODUCTION]
    sections = [*parameter_sections(load("parameters.json")), *job_sections(load("job.json"))]
    for topic, rows in sections:
        note = NOTES.get(topic)
        parts.append("\n## %s\n\n" % topic)
        if note:
            parts.append(note + "\n\n")
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__)
        return 1
    text = page()
    if not arguments:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
        return 0
    with open(PAGE, encoding="utf-8") as file:
        if file.read() == text:
            return 0
    sys.stderr.write("docs/errors.md is not up to date. Run scripts/generate_errors_doc.py.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
