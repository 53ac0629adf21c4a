#!/usr/bin/env python3
"""Becomes `reprise job ARGUMENT...`: the script that cluster_utils starts for each of its jobs.

Where the program is looked for, in this order:
  1. $REPRISE_BIN, which must then be right;
  2. an install prefix: this file lies in PREFIX/bin, or in PREFIX/share/reprise;
  3. the source tree: this file lies in scripts/, and build/release or build/dev is built;
  4. PATH.
cluster_utils starts its jobs from a fresh clone by default, where nothing is built: install the
program, or name it by $REPRISE_BIN (environment_setup.variables), then 1 or 4 finds it.

Needs nothing but Python 3.6: it runs before any environment is known to be in order.
"""

import os
import sys


def candidates(here, path):
    """Where the program may be, best first; `here` is the folder of this file."""
    parent = os.path.dirname(here)
    yield os.path.join(here, "reprise")
    if os.path.basename(os.path.dirname(here)) in ("share", "libexec"):
        yield os.path.join(os.path.dirname(parent), "bin", "reprise")
    for preset in ("release", "dev"):
        yield os.path.join(parent, "build", preset, "bin", "reprise")
    for folder in path.split(os.pathsep):
        if folder:
            yield os.path.join(folder, "reprise")


def is_program(path):
    return os.path.isfile(path) and os.access(path, os.X_OK)


def find_program(here, environment):
    """The path of the program; ValueError with a message for the user if there is none."""
    named = environment.get("REPRISE_BIN")
    if named:
        if not is_program(named):
            raise ValueError(
                "cannot start '{}' (REPRISE_BIN names it, but it is no executable file). "
                "Correct or unset REPRISE_BIN.".format(named)
            )
        return named
    for path in candidates(here, environment.get("PATH", os.defpath)):
        if is_program(path):
            return path
    raise ValueError(
        "cannot find the program reprise (it is not beside '{}', in no build folder of its source "
        "tree and not on PATH). Build it (cmake --preset release; cmake --build --preset release), "
        "install it, or set REPRISE_BIN.".format(here)
    )


def main(arguments):
    here = os.path.dirname(os.path.realpath(__file__))
    try:
        program = find_program(here, os.environ)
        os.execv(program, [program, "job"] + arguments)
    except ValueError as error:
        message = str(error)
    except OSError as error:
        message = "cannot start '{}' ({}). Is it built for this machine?".format(
            program, error.strerror
        )
    sys.stderr.write("run_mpi.py: {}\n".format(message))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
