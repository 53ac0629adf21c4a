"""hysr_start_robots CONFIG: starts the two backends and stays until they end.

It leaves signals alone: a SIGTERM ends this process and not the backends, which is the real
start script's way; hysr_stop ends them. Exit code 0 after hysr_stop; when a backend dies, the
other one is stopped and the code is 1.
"""

import os
import signal
import sys

BACKENDS = ("arm", "ball")


def main(arguments):
    if len(arguments) != 1:
        print("usage: hysr_start_robots CONFIG", file=sys.stderr)
        return 1
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backend.py")
    children = {}
    for kind in BACKENDS:
        command = [sys.executable, "-u", program, kind, arguments[0]]
        children[os.posix_spawn(command[0], command, os.environ)] = kind
    code = 0
    while children:
        pid, status = os.wait()
        kind = children.pop(pid)
        status = os.waitstatus_to_exitcode(status)
        if status != 0 and code == 0:
            code = 1
            text = "hysr_start_robots: the backend '%s' ended with %d" % (kind, status)
            print(text, file=sys.stderr)
            for other in children:
                os.kill(other, signal.SIGTERM)  # still ours: os.wait has not given it back
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
