"""The exact posterior sampler of this project."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import Peer
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.posterior.exact import ExactPosterior


class Exact(Peer):
    """The posterior itself."""

    name = "exact sampler"

    def __init__(self, arm: PlanarArm) -> None:
        super().__init__(arm)
        self._sampler = ExactPosterior(arm)

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`."""
        return self._sampler.sample(target[None], count, rng).positions[0]
