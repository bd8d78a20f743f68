"""Rejection sampling, the paper's reference: within 5 cm of the target, or projected from there."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import TOLERANCE, Peer
from ik_nn_ros.arm.projection import project
from measuring.rejection import rejection_samples

POOL_SIZE = 5_000  # prior draws per round: they stay in the cache, and few are in vain


class Rejection(Peer):
    """Draws of the prior whose TCP happens to be within 5 cm."""

    name = "rejection, 5 cm"
    one_by_one = True

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`."""
        return rejection_samples(self.arm, target[None], count, rng, POOL_SIZE)[0]


class RefinedRejection(Rejection):
    """The same, moved onto the target by this project's projection."""

    name = "rejection, projected"

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`."""
        samples = super().solutions(target, count, rng)
        projection = project(self.arm, samples, target, TOLERANCE)
        return projection.positions[projection.converged]
