"""Conditionals without tables' cells, for targets to which limits leave few solutions.

Where limits cut a cell of the tables, what lies between a node with solutions and one without is a
guess; and all solutions of a target may lie in such cells. There the conditionals are found at the
states themselves, which takes some ten times as long.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import SLOTS
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior, log_sum
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.conditional import (
    DENSITY,
    HIGH,
    LOW,
    NEGLIGIBLE,
    NODES,
    find_conditional,
    open_slot,
    weigh,
)

PARTS = np.int64(4)  # in which a slot is searched, see `find_conditional`
FIRST_NODES = 768  # of a slot of the first joint, to find where its mass is


@plain
def find_first(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    x: float,
    y: float,
    heading: float,
    found: np.ndarray,
    second: np.ndarray,
) -> float:
    """As `find_conditional` for the first joint; V of the second one is by quadrature, too.

    ``second`` is scratch, that joint's conditional.
    """
    on = arc(chain, 0, x, y)
    total = -math.inf
    for slot in range(int(chain[0, SLOTS])):
        if not open_slot(chain, 0, slot, on, found):
            continue
        _narrow(chain, grid, values, x, y, heading, on, found, slot, second)
        cell, largest = (found[slot, HIGH] - found[slot, LOW]) / NODES, -math.inf
        for node in range(NODES):
            u = found[slot, LOW] + (node + 0.5) * cell
            log_density = _log_density(chain, grid, values, x, y, heading, on, slot, u, second)
            found[slot, DENSITY + node] = log_density
            largest = max(largest, log_density)
        if largest > -math.inf:
            total = log_sum(total, weigh(found, slot, largest))
    return total


@plain
def _narrow(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    slot: int,
    second: np.ndarray,
) -> None:
    """Narrow a slot to where its mass is, if any is found."""
    begin, end = found[slot, LOW], found[slot, HIGH]
    cell = (end - begin) / FIRST_NODES
    low, high, largest = end, begin, -math.inf
    for node in range(FIRST_NODES):
        u = begin + (node + 0.5) * cell
        log_density = _log_density(chain, grid, values, x, y, heading, on, slot, u, second)
        if log_density > largest - NEGLIGIBLE:
            low, high = min(low, u - cell), max(high, u + cell)
        largest = max(largest, log_density)
    if largest > -math.inf:
        found[slot, LOW], found[slot, HIGH] = max(begin, low), min(end, high)


@inlined
def _log_density(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    slot: int,
    u: float,
    second: np.ndarray,
) -> float:
    """Log of p_1 V_2 |dtheta / du|."""
    theta = angle_at(chain, 0, slot, on, math.cos(u))
    next_x, next_y, rest = advance(chain, 0, x, y, heading, theta)
    log_value = find_conditional(chain, grid, values, 1, next_x, next_y, rest, second, PARTS)
    return log_value + log_prior(chain, 0, theta) + math.log(on.half * abs(math.sin(u)))
