"""Random restarts of damped least squares in NumPy, all starts of a round in one batch."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import TOLERANCE, Peer

DAMPING = 1e-2  # [m], squared in the equations (Wampler 1986)
MAX_ITERATIONS = 100


class DampedLeastSquares(Peer):
    """The textbook's iteration, as a user of NumPy would batch it."""

    name = "damped least squares, NumPy"

    def solutions(self, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `Peer.solutions`."""
        found = np.empty((0, self.arm.dof))
        while len(found) < count:
            starts = self.arm.sample_prior(count - len(found), rng)
            found = np.concatenate((found, self._descend(starts, target)))
        return found

    def _descend(self, theta: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Where the starts (n, dof) end that reach the target."""
        for _ in range(MAX_ITERATIONS):
            error = target - self.arm.forward(theta)
            if (np.linalg.norm(error, axis=1) <= TOLERANCE).all():
                break
            jacobian = self.arm.jacobian(theta)
            transposed = jacobian.transpose(0, 2, 1)
            damped = jacobian @ transposed + DAMPING**2 * np.eye(2)
            theta = theta + (transposed @ np.linalg.solve(damped, error[..., None]))[..., 0]
        return theta[np.linalg.norm(target - self.arm.forward(theta), axis=1) <= TOLERANCE]
