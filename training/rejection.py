"""Rejection sampling of the posterior, as the paper does it: its reference, with its bias."""

from __future__ import annotations

import numpy as np

from ik_nn_ros.kinematics import PlanarArm

ACCEPTANCE_RADIUS = 0.05  # [m]
POOL_SIZE = 1_000_000  # prior draws per round, shared by all targets


def rejection_samples(
    arm: PlanarArm, targets: np.ndarray, num_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Prior samples whose TCP lies within 5 cm of each target.

    Args:
        arm: the arm, whose prior is sampled.
        targets: (b, 2) [m], inside the prior's bulk: a target that the prior hardly reaches takes
            proportionally many rounds.
        num_samples: accepted samples per target.

    Returns:
        (b, num_samples, dof) [rad].
    """
    accepted = np.empty((len(targets), num_samples, arm.dof))
    counts = np.zeros(len(targets), dtype=int)
    while (pending := np.flatnonzero(counts < num_samples)).size:
        pool = arm.sample_prior(POOL_SIZE, rng)
        tcp = arm.forward(pool)
        for row in pending:
            near = np.square(tcp - targets[row]).sum(1) <= ACCEPTANCE_RADIUS**2
            hits = np.flatnonzero(near)
            wanted = num_samples - counts[row]
            chosen = hits[:wanted]
            accepted[row, counts[row] : counts[row] + len(chosen)] = pool[chosen]
            counts[row] += len(chosen)
    return accepted
