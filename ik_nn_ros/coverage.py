"""Whether an arm's prior ever brings its TCP near a target: elsewhere a network learned nothing."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.posterior import ExactPosterior

TRAINING_TARGETS = 700_000  # section "Evaluation protocol" of the paper
NEIGHBOURHOOD = 0.05  # [m], within which the paper takes configurations for those of one target
LEAST_LOG_EVIDENCE = -math.log(TRAINING_TARGETS * math.pi * NEIGHBOURHOOD**2)
"""Log density of the prior's TCPs [nats, per m^2] from which on a training set has seen a target:
one of its targets is expected to lie within 5 cm."""

DRAWS = 50  # of each chart: a standard error of 0.4 to 0.8 nats at the least log evidence


def log_evidence(arm: PlanarArm, target: np.ndarray) -> float:
    """Log p(target) [nats, per m^2] of a target (2,) [m], by the exact sampler's weights.

    The same target gives the same value.
    """
    exact = ExactPosterior(arm)
    return float(exact.log_evidence(target[None], DRAWS, np.random.default_rng(0))[0])
