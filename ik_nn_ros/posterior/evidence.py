"""Whether an arm's prior ever brings its TCP near a target: elsewhere a network learned nothing."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task

TRAINING_TARGETS = 700_000  # section "Evaluation protocol" of the paper
NEIGHBOURHOOD = 0.05  # [arm's units], within which the paper takes configurations for a target's
NEIGHBOURS = 8  # points of a neighbourhood, spread evenly
GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))  # [rad]
LEAST_LOG_EVIDENCE = -math.log(TRAINING_TARGETS * math.pi * NEIGHBOURHOOD**2)
"""Log density of the prior's TCPs [nats, per square of the arm's unit] from which on a training set
has seen a target: one of its targets is expected to lie within 5 cm, for the paper's arms."""


def least_log_evidence(arm: PlanarArm) -> float:
    """`LEAST_LOG_EVIDENCE` of an arm [nats, per m^2]."""
    return LEAST_LOG_EVIDENCE - 2.0 * math.log(arm.unit)


def is_known(arm: PlanarArm, task: Task, target: np.ndarray, log_evidence: float) -> bool:
    """Whether a training set as large as the paper's knows a target (size,) of this evidence.

    At the rim the evidence may fall within the neighbourhood by orders: where the target's own is
    too small, the mean over the neighbourhood decides.
    """
    least = least_log_evidence(arm)
    if log_evidence >= least:
        return True
    index = np.arange(NEIGHBOURS)
    radius = NEIGHBOURHOOD * arm.unit * np.sqrt((index + 0.5) / NEIGHBOURS)
    around = np.tile(target, (NEIGHBOURS, 1))
    around[:, 0] += radius * np.cos(GOLDEN_ANGLE * index)
    around[:, 1] += radius * np.sin(GOLDEN_ANGLE * index)
    from ik_nn_ros.posterior.exact import ExactPosterior  # here, see `log_evidence`

    mean = np.logaddexp.reduce(ExactPosterior(arm, task).log_evidence(around))
    return bool(mean - math.log(NEIGHBOURS) >= least)


def log_evidence(arm: PlanarArm, task: Task, target: np.ndarray) -> float:
    """Log p(target) [nats, per m^2] of a target (size,), by the exact sampler's weights.

    The same target gives the same value. The first one of an arm waits for its tables.
    """
    # Here, because it imports Numba, and a client that reads an answer needs none.
    from ik_nn_ros.posterior.exact import ExactPosterior

    return float(ExactPosterior(arm, task).log_evidence(target[None])[0])
