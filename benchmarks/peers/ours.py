"""This project's models, as `IKSolver` serves them."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import TOLERANCE, Peer
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.solver import IKSolver


class Ours(Peer):
    """The exact sampler or a shipped network.

    Args:
        arm: the paper's arm.
        model: "exact", "cinn", "cvae" or "inn".

    Raises:
        ModelNotFoundError: no weights for this arm.
    """

    def __init__(self, arm: PlanarArm, model: str) -> None:
        super().__init__(arm)
        self.name = model
        self._solver = IKSolver.from_pretrained(arm.dof, model)

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`; asks again for the few that did not converge."""
        found = np.empty((0, self.arm.dof))
        while len(found) < count:
            seed = int(rng.integers(1 << 32))
            answer = self._solver.solve(
                target, count - len(found), seed=seed, position_tolerance=TOLERANCE
            )
            found = np.concatenate((found, answer.positions))
        return found
