"""One backend process: `backend.py arm|ball CONFIG`. It owns the segment of that name.

arm   steps the physics: a request resets the world or moves it by one control period.
ball  is the ball gun: a request names a shot, the reply is how the ball leaves the gun.
"""

import os
import signal
import sys

import numpy as np

import configuration
import protocol
import segment


class Arm:
    """Answers the requests of protocol.RESET and protocol.STEP."""

    def __init__(self, settings):
        os.environ.setdefault("MUJOCO_GL", "disable")  # nothing is drawn
        import physics  # here, because the ball gun needs no MuJoCo

        self._world = physics.World(settings["hysr_config"], settings["pam_config"])

    def answer(self, request):
        end = None
        if request[0] == protocol.RESET:
            self._world.reset(request[1:4], request[4:7])
        else:
            end = self._world.step(np.array(request[1 : 1 + protocol.ACTIONS]))
        return protocol.encode_state(self._world.observation(), end)


class BallGun:
    """A fixed collection of shots, drawn once from the name of the trajectory group."""

    def __init__(self, settings):
        hysr = settings["hysr_config"]
        group = str(hysr.get("trajectory_group", "default"))
        only = int(configuration.number("hysr_config", hysr, "trajectory", -1))
        table = configuration.vector("hysr_config", hysr, "table_position", [0.0, 1.6, 0.76])
        random = np.random.default_rng(list(group.encode()))
        count = protocol.SHOTS
        aside, height = random.uniform(-0.1, 0.1, count), random.uniform(0.27, 0.31, count)
        self._position = np.array(table) + np.column_stack((aside, np.full(count, 1.2), height))
        arrival = table[0] + random.uniform(-0.2, 0.2, count)  # x where it reaches the robot
        speed = random.uniform(4.3, 4.7, count)
        sideways = (arrival - self._position[:, 0]) * speed / 2.4
        self._velocity = np.column_stack((sideways, -speed, random.uniform(0.9, 1.1, count)))
        self._only = only

    def answer(self, request):
        shot = int(request[0]) if self._only < 0 else self._only
        shot %= protocol.SHOTS
        return np.concatenate((self._position[shot], self._velocity[shot]))


def main(arguments):
    kind, path = arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        settings = configuration.load(path)
        owner = segment.Owner(segment.name_of(kind))
    except (configuration.ConfigurationError, segment.SegmentError) as error:
        print("hysr_start_robots: " + str(error), file=sys.stderr)
        return 1
    try:
        server = Arm(settings) if kind == "arm" else BallGun(settings)
        owner.serve(server.answer)
    except configuration.ConfigurationError as error:
        print("hysr_start_robots: " + str(error), file=sys.stderr)
        return 1
    finally:
        owner.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
