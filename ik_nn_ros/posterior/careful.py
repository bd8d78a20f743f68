"""Conditionals without tables' cells, for targets to which limits leave few solutions.

Where limits cut a cell of the tables, what lies between a node with solutions and one without is a
guess; and all solutions of a target may lie in such cells. There the conditionals are found at the
states themselves, beginning with the last free joint's, which `pieces` give: some ten times the
work or more.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import MOST_SLOTS, PIECEWISE, SLOTS
from ik_nn_ros.chain.states import Arc, advance, angle_at, arc, log_prior, log_sum
from ik_nn_ros.compilation import plain
from ik_nn_ros.posterior.conditional import NODES, find_conditional, open_slot
from ik_nn_ros.posterior.densities import (
    DENSITY,
    HIGH,
    LOW,
    NEGLIGIBLE,
    SIDE,
    new_densities,
    weigh,
)
from ik_nn_ros.posterior.pieces import Pieces, find_pieces

PARTS = np.int64(4)  # in which a slot is searched, see `find_conditional`
FIRST_NODES = np.int64(768)  # of a slot of the first joint, to find where its mass is


def new_search() -> np.ndarray:
    """Memory for `find_first`: a conditional with room for all nodes of its search."""
    return new_densities(MOST_SLOTS, FIRST_NODES)


@plain
def find_first(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    x: float,
    y: float,
    heading: float,
    found: np.ndarray,
    search: np.ndarray,
    second: np.ndarray,
    pieces: Pieces | None,
) -> float:
    """As `find_conditional` for the first joint; V of the second one is by quadrature, too.

    ``search``, ``second`` and ``pieces`` are scratch: memory of `new_search`, the second joint's
    conditional, and `Pieces`.
    """
    on = arc(chain, 0, x, y)
    total = -math.inf
    for slot in range(int(chain[0, SLOTS])):
        if not (
            open_slot(chain, 0, slot, on, x, y, found)
            and open_slot(chain, 0, slot, on, x, y, search)
        ):
            continue
        largest = _evaluate(
            chain, grid, values, x, y, heading, on, search, slot, FIRST_NODES, second, pieces
        )
        if largest == -math.inf:
            continue
        _narrow(found, search, slot, largest)
        largest = _evaluate(
            chain, grid, values, x, y, heading, on, found, slot, NODES, second, pieces
        )
        if largest > -math.inf:
            total = log_sum(total, weigh(found, slot, NODES, largest))
    return total


@plain
def _narrow(found: np.ndarray, search: np.ndarray, slot: int, largest: float) -> None:
    """Narrow a slot to where a search has found its mass."""
    begin, end = search[slot, LOW], search[slot, HIGH]
    cell = (end - begin) / FIRST_NODES
    first, last = FIRST_NODES, 0
    for node in range(FIRST_NODES):
        if search[slot, DENSITY + node] > largest - NEGLIGIBLE:
            first, last = min(first, node), node
    found[slot, LOW] = max(begin, begin + (first - 0.5) * cell)
    found[slot, HIGH] = min(end, begin + (last + 1.5) * cell)


@plain
def _evaluate(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    found: np.ndarray,
    slot: int,
    count: int,
    second: np.ndarray,
    pieces: Pieces | None,
) -> float:
    """Log of p_1 V_2 |dtheta / du| in the middles of so many cells of a slot; the largest."""
    cell, largest = (found[slot, HIGH] - found[slot, LOW]) / count, -math.inf
    for node in range(count):
        u = found[slot, LOW] + (node + 0.5) * cell
        theta = angle_at(found[slot, SIDE], on, math.cos(u))
        next_x, next_y, rest = advance(chain, 0, x, y, heading, theta)
        if pieces is not None and chain[0, PIECEWISE] == 1.0:
            log_rest = find_pieces(chain, next_x, next_y, rest, pieces)
        else:
            log_rest = find_conditional(
                chain, grid, values, 1, next_x, next_y, rest, second, pieces, PARTS
            )
        log_density = log_prior(chain, 0, theta) + log_rest
        log_density += math.log(on.half * abs(math.sin(u)))
        found[slot, DENSITY + node] = log_density
        largest = max(largest, log_density)
    return largest
