"""The density of a joint's angle given the remaining target, by quadrature."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import MOST_SLOTS, PIECEWISE, SLOT, SLOT_SIZE, SLOTS
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior, log_sum
from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.densities import (
    BEGIN,
    DENSITY,
    END,
    HIGH,
    LOG_MASS,
    LOW,
    NEGLIGIBLE,
    SIDE,
    new_densities,
    weigh,
)
from ik_nn_ros.posterior.pieces import Pieces, find_pieces
from ik_nn_ros.posterior.tables import state_value

NODES = 40  # of a slot, where its mass is
SEARCH_NODES = np.int64(24)  # of a slot, to find where its mass is
WHOLE = np.int64(1)  # a slot is searched in one part
REFINEMENTS = 3  # of where its mass is, at most


def new_conditional() -> np.ndarray:
    """Memory for `find_conditional`: a row for each slot."""
    return new_densities(MOST_SLOTS, NODES)


@plain
def _evaluate(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    pieces: Pieces | None,
    careful: bool,
    slot: int,
    count: int,
) -> float:
    """Log of p_i V_{i+1} |dtheta / du| in the middles of so many cells; the largest."""
    largest = -math.inf
    step = (found[slot, HIGH] - found[slot, LOW]) / count
    u = found[slot, LOW] + 0.5 * step
    cosine, sine = math.cos(u), math.sin(u)
    turn_cosine, turn_sine = math.cos(step), math.sin(step)
    for node in range(count):
        theta = angle_at(found[slot, SIDE], on, cosine)
        next_x, next_y, rest = advance(chain, joint, x, y, heading, theta)
        if pieces is not None and careful and joint + 1 == chain[0, PIECEWISE]:
            log_rest, factor = find_pieces(chain, next_x, next_y, rest, pieces), 1.0
        else:
            log_rest, factor = state_value(chain, grid, values, joint + 1, next_x, next_y, rest)
        log_density = log_prior(chain, joint, theta) + log_rest
        log_density += math.log(factor * on.half * abs(sine))
        found[slot, DENSITY + node] = log_density
        largest = max(largest, log_density)
        cosine, sine = (
            cosine * turn_cosine - sine * turn_sine,
            sine * turn_cosine + cosine * turn_sine,
        )
    return largest


@plain
def _find_slot(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    pieces: Pieces | None,
    careful: bool,
    slot: int,
) -> float:
    """Log density at the nodes of a slot, where its mass is; the largest."""
    count, refinement = SEARCH_NODES, 0
    while True:
        largest = _evaluate(
            chain, grid, values, joint, x, y, heading, on, found, pieces, careful, slot, count
        )
        if largest == -math.inf or refinement == REFINEMENTS:
            return largest
        first, last = count, 0
        for node in range(count):
            if found[slot, DENSITY + node] > largest - NEGLIGIBLE:
                first, last = min(first, node), node
        if count == NODES and 3 * (last - first + 3) > count:
            return largest
        width = (found[slot, HIGH] - found[slot, LOW]) / count
        found[slot, HIGH] = min(found[slot, HIGH], found[slot, LOW] + (last + 2) * width)
        found[slot, LOW] = max(found[slot, LOW], found[slot, LOW] + (first - 1) * width)
        count, refinement = NODES, refinement + 1


@plain
def _narrow(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    pieces: Pieces | None,
    slot: int,
    parts: int,
) -> None:
    """Narrow a slot to where a search in so many parts finds any density."""
    begin, end = found[slot, LOW], found[slot, HIGH]
    low, high, cell = end, begin, (end - begin) / (parts * SEARCH_NODES)
    for part in range(parts):
        found[slot, LOW] = begin + part * SEARCH_NODES * cell
        found[slot, HIGH] = begin + (part + 1) * SEARCH_NODES * cell
        _evaluate(
            chain, grid, values, joint, x, y, heading, on, found, pieces, True, slot, SEARCH_NODES
        )
        for node in range(SEARCH_NODES):
            if found[slot, DENSITY + node] > -math.inf:
                u = found[slot, LOW] + node * cell
                low, high = min(low, u - cell), max(high, u + 2.0 * cell)
    found[slot, LOW], found[slot, HIGH] = max(begin, low), min(end, high)
    if low > high:
        found[slot, LOW], found[slot, HIGH] = begin, end


@plain
def find_conditional(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    found: np.ndarray,
    pieces: Pieces | None,
    parts: int,
) -> float:
    """Write the density of a free joint's angle at a state to ``found``; log V_i there [nats].

    The more ``parts`` a slot is searched in, the smaller the ranges of angles that are found; in
    more than one, the last free joint's V is found as well where it has `pieces`, not looked up.
    """
    on = arc(chain, joint, x, y)
    total = -math.inf
    for slot in range(int(chain[joint, SLOTS])):
        if not open_slot(chain, joint, slot, on, x, y, found):
            continue
        if parts > 1:
            _narrow(chain, grid, values, joint, x, y, heading, on, found, pieces, slot, parts)
        largest = _find_slot(
            chain, grid, values, joint, x, y, heading, on, found, pieces, parts > 1, slot
        )
        if largest > -math.inf:
            total = log_sum(total, weigh(found, slot, NODES, largest))
    return total


@inlined
def open_slot(
    chain: np.ndarray,
    joint: int,
    slot: int,
    on: Arc,
    x: float,
    y: float,
    found: np.ndarray,
) -> bool:
    """Begin a slot's row of a conditional: without mass yet; whether an arc leaves it any room."""
    low, high = 0.0, 0.0
    if on.half > 0.0:
        low, high = segment(chain, joint, slot, on, x, y)
    found[slot, BEGIN], found[slot, END], found[slot, LOW], found[slot, HIGH] = low, high, low, high
    found[slot, LOG_MASS] = -math.inf
    found[slot, SIDE] = chain[joint, SLOT + SLOT_SIZE * slot]
    return high > low
