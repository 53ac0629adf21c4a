#!/usr/bin/env python3
"""A trainer for Reprise: reads a JSON file, writes a CSV. It looks for the x nearest to 3."""

import csv
import json
import os
import random
import sys

config = json.load(open(sys.argv[1]))
random.seed(config["seed"])
load_path = os.environ["REPRISE_LOAD_PATH"]  # the model of the iteration before; "" at first
x = json.load(open(load_path + ".json")) if load_path else config["start"]
with open("progress.csv", "w", newline="") as file:  # each run has a directory of its own
    log = csv.writer(file)
    log.writerow(["time/total_timesteps", "reward"])
    for step in range(1, config["steps"] + 1):
        candidate = x + random.gauss(0.0, config["step_size"])
        x = min(x, candidate, key=lambda place: abs(place - 3.0))
        log.writerow([step, -abs(x - 3.0)])
json.dump(x, open("model.json", "w"))
