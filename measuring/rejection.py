"""Rejection sampling of the posterior, as the paper does it: its reference, with its bias."""

from __future__ import annotations

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.posterior.evidence import NEIGHBOURHOOD

POOL_SIZE = 1_000_000  # prior draws per round, shared by all targets


def rejection_samples(
    arm: PlanarArm,
    targets: np.ndarray,
    num_samples: int,
    rng: np.random.Generator,
    pool_size: int = POOL_SIZE,
) -> np.ndarray:
    """Prior samples whose TCP lies near each target: within 5 cm, for the paper's arms.

    Args:
        arm: the arm, whose prior is sampled.
        targets: (b, 2) [m], inside the prior's bulk: a target that the prior hardly reaches takes
            proportionally many rounds.
        num_samples: accepted samples per target.
        rng: of the prior's draws.
        pool_size: prior draws per round.

    Returns:
        (b, num_samples, dof) [rad].
    """
    accepted = np.empty((len(targets), num_samples, arm.dof))
    counts, radius = np.zeros(len(targets), dtype=int), NEIGHBOURHOOD * arm.unit
    while (pending := np.flatnonzero(counts < num_samples)).size:
        pool = arm.sample_prior(pool_size, rng)
        neighbours = Neighbours(arm.forward(pool))
        for row in pending:
            chosen = neighbours.of(targets[row], radius)[: num_samples - counts[row]]
            accepted[row, counts[row] : counts[row] + len(chosen)] = pool[chosen]
            counts[row] += len(chosen)
    return accepted


class Neighbours:
    """Finds the points (n, 2) [m] near a target among those in a strip about it, not among all."""

    def __init__(self, points: np.ndarray) -> None:
        self._points = points
        self._order = np.argsort(points[:, 0])
        self._sorted_x = points[self._order, 0]

    def of(self, target: np.ndarray, radius: float) -> np.ndarray:
        """Rows, in order, of the points that are within a radius of a target (2,) [m]."""
        strip = target[0] + np.array((-radius, radius))
        rows = self._order[slice(*np.searchsorted(self._sorted_x, strip))]
        near = np.square(self._points[rows] - target).sum(1) <= radius**2
        return np.sort(rows[near])
