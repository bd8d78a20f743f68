"""The length of a cinn's vectors, integrated out."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import roots_genlaguerre

NODES = 3  # each costs a pass through the flow; the error left is below the network's own


def length_quadrature(dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths t (k,) of vectors in R^n, and the logarithms (k,) of their weights.

    The density of a direction is the sum over the lengths of weight times the vectors' density: the
    integral over t with t^(n - 1) dt, by Gauss-Laguerre quadrature in x = t^2 / 2.
    """
    half = 0.5 * dimension - 1.0
    nodes, weights = roots_genlaguerre(NODES, half)
    # 2^(n/2 - 1) w_i e^(x_i) of the integral over x
    return np.sqrt(2.0 * nodes), np.log(weights) + nodes + half * math.log(2.0)
