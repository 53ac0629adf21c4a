"""Reads the configuration: a JSON file that names five others."""

import json
import os

SECTIONS = ("reward_config", "hysr_config", "pam_config", "rl_config", "rl_common_config")


class ConfigurationError(Exception):
    """A mistake in a configuration file. The text names the file and the remedy."""


def load(path):
    """The five files that `path` names, as a dictionary by section.

    Relative paths are relative to `path`, so a template file can be used as it is.
    """
    named = _read(path)
    folder = os.path.dirname(os.path.abspath(path))
    configuration = {}
    for section in SECTIONS:
        if section not in named:
            raise ConfigurationError(
                "'%s' has no entry '%s' (it must name that file). Add it." % (path, section)
            )
        configuration[section] = _read(os.path.join(folder, named[section]))
    return configuration


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except OSError as error:
        raise ConfigurationError(
            "cannot read '%s' (%s). Check the path." % (path, error.strerror)
        ) from None
    except ValueError as error:
        raise ConfigurationError("'%s' is not JSON (%s). Correct it." % (path, error)) from None
    if not isinstance(value, dict):
        raise ConfigurationError("'%s' holds no JSON object. Correct it." % path)
    return value


def number(section, values, name, default, minimum=None):
    """values[name] as a float, or `default` where it is missing; ConfigurationError if unfit."""
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(
            "'%s' in %s is no number: %r. Correct it." % (name, section, value)
        )
    if minimum is not None and value < minimum:
        raise ConfigurationError(
            "'%s' in %s is %r, less than %r. Correct it." % (name, section, value, minimum)
        )
    return float(value)


def vector(section, values, name, default):
    """values[name] as a list of floats of the same length as `default`."""
    value = values.get(name, default)
    if not isinstance(value, list) or len(value) != len(default):
        raise ConfigurationError(
            "'%s' in %s is no list of %d numbers: %r. Correct it."
            % (name, section, len(default), value)
        )
    return [number(section, {name: item}, name, 0.0) for item in value]
