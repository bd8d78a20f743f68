"""The process that an earlier version answers from; it imports nothing of this one.

Lines of JSON come in: {"model": "exact", "cinn" or "cinn densities", "arm": keywords of PlanarArm,
"target": [x, y], "samples": n}. For each a line {"seconds": ...} goes out, the time of one call in
steady use; for the model "cinn draws" {"positions": ...}, its raw samples.
"""

import json
import sys

import numpy as np

from benchmarks.timing import steady_seconds_of
from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.posterior import ExactPosterior


def main():
    rng = np.random.default_rng(0)
    models = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps([request["model"], request["arm"]])
        if key not in models:
            arm = PlanarArm(**request["arm"])
            exact = request["model"] == "exact"
            models[key] = ExactPosterior(arm) if exact else IKSolver.from_pretrained(arm.dof)
        model, target, samples = models[key], np.array(request["target"]), request["samples"]
        if request["model"] == "cinn draws":
            positions = model.sampler.sample(target[None], samples, rng).positions[0]
            print(json.dumps({"positions": positions.tolist()}), flush=True)
            continue
        if request["model"] == "exact":
            seconds = steady_seconds_of(lambda: model.sample(target[None], samples, rng))  # noqa: B023
        elif request["model"] == "cinn":
            seconds = steady_seconds_of(lambda: model.solve(target, samples))  # noqa: B023
        else:
            seconds = steady_seconds_of(lambda: model.solve(target, samples).log_densities)  # noqa: B023
        print(json.dumps({"seconds": seconds}), flush=True)


main()
