"""What learner and backends say to each other: lists of doubles in a segment."""

RESET = 0.0  # followed by the ball's position (3) and velocity (3)
STEP = 1.0  # followed by an action for each joint
ACTIONS = 4
SHOTS = 1000
SHOT_VALUES = 6  # position, velocity
OBSERVATIONS = 17
STATE_VALUES = OBSERVATIONS + 7  # and: over, hit, nearest_m, landing (3), speed


def encode_state(observation, end):
    """`end` as physics.World.step returns it."""
    state = [float(value) for value in observation]
    if end is None:
        return state + [0.0] * 7
    landing = end.get("landing", (0.0, 0.0, 0.0))
    state += [1.0, float("landing" in end), end["nearest_m"]]
    state += [float(value) for value in landing]
    state.append(end.get("speed", 0.0))
    return state


def decode_state(values):
    """The observation and, as physics.World.step returns it, the end."""
    observation, rest = values[:OBSERVATIONS], values[OBSERVATIONS:STATE_VALUES]
    if not rest[0]:
        return observation, None
    end = {"nearest_m": rest[2]}
    if rest[1]:
        end["landing"] = rest[3:6]
        end["speed"] = rest[6]
    return observation, end
