"""The end of a draw: the joints that close the chain, and what the whole configuration weighs."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import CLOSING, LINK, POSE, RAIL
from ik_nn_ros.chain.states import Roots, last_angle, log_sum, roots, settle
from ik_nn_ros.compilation import inlined


@inlined
def _write_root(
    chain: np.ndarray, both: Roots, up: bool, heading: float, positions: np.ndarray, row: int
) -> None:
    """Write the closing joints of one of the roots to a row of positions (m, N)."""
    joint = int(chain[0, CLOSING])
    sign = 1.0 if up else -1.0
    first, second = both.base - sign * both.offset, sign * both.bend
    positions[row, joint], positions[row, joint + 1] = first, second
    if chain[0, POSE] > 0.0:
        from_rail = joint == 0 and chain[0, RAIL] > 0.0
        positions[row, joint + 2] = last_angle(from_rail, heading, first, second)


@inlined
def _error(chain: np.ndarray, positions: np.ndarray, row: int, carried: np.ndarray) -> float:
    """Distance [m] of what a row's configuration carries from where it is to be."""
    x, y, heading = -carried[0], -carried[1], 0.0
    for joint in range(int(chain[0, CLOSING]) + 2):
        if joint == 0 and chain[0, RAIL] > 0.0:
            y += positions[row, joint]
        else:
            heading += positions[row, joint]
            x += chain[joint, LINK] * math.cos(heading)
            y += chain[joint, LINK] * math.sin(heading)
    return math.sqrt(x * x + y * y)


@inlined
def close(
    chain: np.ndarray,
    x: float,
    y: float,
    heading: float,
    log_ratio: float,
    uniform: float,
    carried: np.ndarray,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    row: int,
) -> None:
    """Close a row's chain by one of the roots, if there are any, and write what it weighs.

    Args:
        chain: see `chain_array`.
        x, y, heading: what the first closing joint sees of the target.
        log_ratio: log of the free joints' prior over the density that they were drawn by [nats].
        uniform: a number in [0, 1), by which root and turns are drawn.
        carried: (3,) where the carried point is to be [m].
        out: positions (m, N), whose free joints have been written in this row; log weights and log
            priors (m,) [nats], left alone where the chain cannot be closed; and the distance (m,)
            of the carried point from where it is to be [m].
        row: of these.
    """
    positions, log_weights, log_priors, errors = out
    both = roots(chain, x, y, heading)
    total = log_sum(both.log_up, both.log_down)
    if not total + log_ratio > -math.inf:
        return
    log_weights[row] = log_ratio + total
    share, rest = math.exp(both.log_up - total), uniform
    up = rest < share
    rest = rest / share if up else (rest - share) / (1.0 - share)
    _write_root(chain, both, up, heading, positions, row)
    log_priors[row] = 0.0
    for joint in range(positions.shape[1]):
        theta, log_own, rest = settle(chain, joint, positions[row, joint], rest)
        positions[row, joint] = theta
        log_priors[row] += log_own
    errors[row] = _error(chain, positions, row, carried)
