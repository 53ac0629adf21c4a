"""hysr_one_ball_rl CONFIG: trains a policy against the backends that hysr_start_robots runs.

Exit codes: 0 trained, 1 a mistake in the configuration or no backend. A learner whose backend
dies prints one line and waits for ever, as the one of the real robot does: whoever started it
has to notice and to kill it.
"""

import signal
import sys
import time

import configuration
import segment

BACKEND_WAIT_S = 60.0


def connect(what):
    """The client of segment `what`; waits for the backend, which starts at the same time."""
    name = segment.name_of(what)
    until = time.monotonic() + BACKEND_WAIT_S
    while True:
        try:
            return segment.Client(name)
        except FileNotFoundError:
            if time.monotonic() > until:
                raise segment.SegmentError(
                    "no backend behind /dev/shm/%s for %g s. Start it with hysr_start_robots."
                    % (name, BACKEND_WAIT_S)
                ) from None
        time.sleep(0.02)


def main(arguments):
    if len(arguments) != 1:
        print("usage: hysr_one_ball_rl CONFIG", file=sys.stderr)
        return 1
    try:
        settings = configuration.load(arguments[0])
        if not settings["rl_config"].get("log_tensorboard"):
            # Stable-Baselines3 goes without what it cannot import; this saves 0.2 s of 1.8.
            sys.modules["torch.utils.tensorboard"] = None
        import training  # so late, because a mistake in the files is told before

        training.train(settings, connect("arm"), connect("ball"))
    except (configuration.ConfigurationError, segment.SegmentError) as error:
        print("hysr_one_ball_rl: " + str(error), file=sys.stderr)
        return 1
    except segment.OwnerDied as error:
        print("hysr_one_ball_rl: the backend behind %s died; waiting for it" % error, flush=True)
        while True:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
