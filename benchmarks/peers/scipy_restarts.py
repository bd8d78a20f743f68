"""SciPy's least squares with random restarts."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from benchmarks.peers.base import Restarts


class ScipyLeastSquares(Restarts):
    """One call of `least_squares` per start, with the analytic Jacobian."""

    name = "SciPy least squares"

    def descend(self, start: np.ndarray, target: np.ndarray) -> np.ndarray:
        """See `Restarts.descend`."""
        return least_squares(
            lambda theta: self.arm.forward(theta) - target, start, self.arm.jacobian
        ).x
