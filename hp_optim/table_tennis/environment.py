"""The task as a Gymnasium environment. An episode is one ball."""

import gymnasium
import numpy as np

import configuration
import protocol


class TableTennis(gymnasium.Env):
    """Plays against the two backends; `arm` and `ball` are segment.Client."""

    def __init__(self, settings, arm, ball):
        self._arm = arm
        self._ball = ball
        reward = settings["reward_config"]
        hysr = settings["hysr_config"]
        self._floor = configuration.number("reward_config", reward, "rtt_cap", -0.2)
        self._scale_m = configuration.number(
            "reward_config", reward, "normalization_constant", 3.0, 1e-6
        )
        self._smash = bool(reward.get("smash", False))
        self._target = np.array(
            configuration.vector("hysr_config", hysr, "target_position", [0.0, 2.4, 0.76])
        )
        self.observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, (protocol.OBSERVATIONS,), np.float32
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (protocol.ACTIONS,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        shot = int(self.np_random.integers(protocol.SHOTS))
        launch = self._ball.call([float(shot)], protocol.SHOT_VALUES)
        state = self._arm.call([protocol.RESET, *launch], protocol.STATE_VALUES)
        observation, _ = protocol.decode_state(state)
        return np.array(observation, np.float32), {}

    def step(self, action):
        request = [protocol.STEP, *(float(value) for value in action)]
        state = self._arm.call(request, protocol.STATE_VALUES)
        observation, end = protocol.decode_state(state)
        reward = 0.0 if end is None else self.reward_of(end)
        return np.array(observation, np.float32), reward, end is not None, False, {}

    def reward_of(self, end):
        """A miss costs the distance by which the ball was missed, on top of the floor. A hit gives
        1 less the distance (in units of normalization_constant) between target and landing point,
        and never less than the floor `rtt_cap`; with `smash`, the faster the better.
        """
        if "landing" not in end:
            return self._floor - min(end["nearest_m"], 1.0)
        distance = float(np.linalg.norm(self._target - np.array(end["landing"])))
        reward = max(self._floor, 1.0 - distance / self._scale_m)
        if self._smash and reward > 0.0:
            reward *= end["speed"] / 5.0
        return reward
