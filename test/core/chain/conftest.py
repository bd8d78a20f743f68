"""What tests of the chain share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from ik_nn_ros.chain.chain_array import OUTER

States = Callable[[np.ndarray, int, int], list[tuple[float, float]]]


@pytest.fixture(scope="session")
def random_states() -> States:
    """So many remaining targets of a chain's joint, some of them out of its reach."""

    def states(chain: np.ndarray, joint: int, count: int) -> list[tuple[float, float]]:
        rng = np.random.default_rng(joint)
        farthest = 1.1 * (chain[joint, OUTER] + (joint == 0))
        distances = rng.uniform(0.0, farthest, count)
        points = distances * np.exp(1j * rng.uniform(-math.pi, math.pi, count))
        return list(zip(points.real.tolist(), points.imag.tolist(), strict=True))

    return states
