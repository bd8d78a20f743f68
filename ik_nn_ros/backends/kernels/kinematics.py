"""`PlanarArm.position_errors`, in float64."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE, cos_sin
from ik_nn_ros.compilation import compiled

if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm


class Links(NamedTuple):
    """What an arm is made of.

    Attributes:
        first: the joint that turns the first link; on a rail, joint 0 does not.
        lengths: of the links [m].
    """

    first: int
    lengths: np.ndarray

    @classmethod
    def of(cls, arm: PlanarArm) -> Links:
        """Those of an arm."""
        return cls(arm.dof - len(arm.link_lengths), np.array(arm.link_lengths))


def position_errors(
    positions: np.ndarray, targets: np.ndarray, which: np.ndarray, links: Links
) -> np.ndarray:
    """(m,) [m] of configurations (m, dof) [rad].

    Args:
        positions: the configurations.
        targets: (u, 2) [m].
        which: (m,) the place in ``targets`` of each configuration's.
        links: the arm's.
    """
    # In Python, so that a profiler charges this file for it.
    return _position_errors(positions, targets, which, links)


@compiled
def _position_errors(
    positions: np.ndarray, targets: np.ndarray, which: np.ndarray, links: Links
) -> np.ndarray:
    errors = np.empty(len(positions))
    for start in range(0, len(positions), TILE):
        theta = positions[start : start + TILE].T.copy()
        heading, x, y = np.zeros(theta.shape[1]), np.zeros(theta.shape[1]), np.zeros(theta.shape[1])
        for joint in range(links.first):
            y += theta[joint]
        for link in range(len(links.lengths)):
            length, turn = links.lengths[link], theta[links.first + link]
            for i in range(len(turn)):
                heading[i] += turn[i]
                cosine, sine = cos_sin(heading[i])
                x[i] += length * cosine
                y[i] += length * sine
        for i in range(len(x)):
            target = targets[which[start + i]]
            errors[start + i] = math.sqrt((x[i] - target[0]) ** 2 + (y[i] - target[1]) ** 2)
    return errors
