"""Trains with Stable-Baselines3: from the configuration to progress.csv, checkpoints and model."""

import io
import os
import random
import time

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common import logger as sb3_logger
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor

import configuration
import environment

ALGORITHMS = {"ppo": stable_baselines3.PPO, "sac": stable_baselines3.SAC}
# What is ours in rl_config; everything else goes to the algorithm as it is.
_OWN = {
    "num_timesteps",
    "num_layers",
    "num_hidden",
    "log_std_init",
    "load_path",
    "save_path",
    "log_path",
    "log_tensorboard",
    "checkpoint_interval",
}


def train(settings, arm, ball):
    """One training as `settings` say. `arm` and `ball` are connections to the backends."""
    rl = settings["rl_config"]
    seed = _seed_everything(settings["rl_common_config"].get("random_seed"))
    print("random seed %d" % seed)
    task = Monitor(environment.TableTennis(settings, arm, ball))
    model = _make_model(settings, task, seed)
    folder = _text(rl, "log_path")
    outputs = ["csv"] + (["tensorboard"] if rl.get("log_tensorboard") else [])
    model.set_logger(sb3_logger.configure(folder, outputs))
    callback = _Recorder(
        os.path.join(folder, "checkpoints"),
        int(configuration.number("rl_config", rl, "checkpoint_interval", 500, 1)),
        bool(settings["rl_common_config"].get("log_episodes", False)),
    )
    steps = int(configuration.number("rl_config", rl, "num_timesteps", 0, 1))
    started = time.monotonic()
    model.learn(steps, callback=callback, log_interval=1, reset_num_timesteps=False)
    save(model, _text(rl, "save_path") + ".zip")
    print("trained up to step %d in %.1f s" % (model.num_timesteps, time.monotonic() - started))


def save(model, path):
    """Writes the model to `path` so that the file is the old or the new one, never half of it."""
    content = io.BytesIO()
    model.save(content)
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, ".%s.unfinished" % name)
    with open(unfinished, "wb") as file:
        file.write(content.getvalue())
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _seed_everything(seed):
    """Seeds every generator; PPO shuffles with numpy's global one."""
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little") >> 1
    elif isinstance(seed, bool) or not isinstance(seed, int):
        raise configuration.ConfigurationError(
            "'random_seed' in rl_common_config is no integer: %r. Give an integer or null." % seed
        )
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return seed


def _make_model(settings, task, seed):
    name = settings["rl_common_config"].get("algorithm", "ppo")
    if name not in ALGORITHMS:
        raise configuration.ConfigurationError(
            "'algorithm' in rl_common_config is %r. Take one of %s." % (name, sorted(ALGORITHMS))
        )
    algorithm = ALGORITHMS[name]
    rl = settings["rl_config"]
    layers = int(configuration.number("rl_config", rl, "num_layers", 1, 1))
    hidden = int(configuration.number("rl_config", rl, "num_hidden", 64, 1))
    options = {key: value for key, value in rl.items() if key not in _OWN}
    policy = {"net_arch": [hidden] * layers}
    if "log_std_init" in rl:
        policy["log_std_init"] = configuration.number("rl_config", rl, "log_std_init", 0.0)
    options.update(policy_kwargs=policy, seed=seed)
    known = algorithm.__init__.__code__.co_varnames
    for key in options:
        if key not in known:
            raise configuration.ConfigurationError(
                "'%s' in rl_config is unknown to %s. Remove it." % (key, name)
            )
    load_path = rl.get("load_path")
    if not load_path:
        return algorithm("MlpPolicy", task, device="cpu", **options)
    if not os.path.exists(load_path + ".zip"):
        raise configuration.ConfigurationError(
            "cannot load '%s.zip' (no such file). Correct 'load_path' in rl_config." % load_path
        )
    model = algorithm.load(load_path, env=task, device="cpu", **options)
    print("goes on from step %d of %s.zip" % (model.num_timesteps, load_path))
    return model


def _text(rl, key):
    value = rl.get(key)
    if not isinstance(value, str) or not value:
        raise configuration.ConfigurationError(
            "'%s' in rl_config is no path: %r. Give one." % (key, value)
        )
    return value


class _Recorder(BaseCallback):
    """Saves a checkpoint every `interval` steps and, if asked to, logs every episode.

    The policy learns between two rollouts. In the middle of one it is still what it was before, so
    a checkpoint would have steps to its name that it has learnt nothing from: it is put off until
    that was done. Its name is the number of steps then.
    """

    def __init__(self, folder, interval, log_episodes):
        super().__init__()
        self._folder = folder
        self._interval = interval
        self._log_episodes = log_episodes
        self._is_due = False
        os.makedirs(folder, exist_ok=True)

    def _on_step(self):
        if self._log_episodes:
            for info in self.locals["infos"]:
                if "episode" in info:
                    self.logger.record("eprew", info["episode"]["r"])
                    self.logger.dump(self.num_timesteps)
        self._is_due = self._is_due or self.num_timesteps % self._interval == 0
        return True

    def _on_rollout_start(self):
        if self._is_due:
            name = "rl_model_%d_steps.zip" % self.num_timesteps
            save(self.model, os.path.join(self._folder, name))
        self._is_due = False

    def _on_training_end(self):
        self._on_rollout_start()
