"""The tables of an arm and a task, from the last free joint back to the second."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.chain_array import (
    BEARINGS_WIDTH,
    BOUNDED,
    CLOSING,
    PIECEWISE,
    POSE,
    SLOTS,
    TURN,
)
from ik_nn_ros.chain.states import bounds_at
from ik_nn_ros.compilation import plain
from ik_nn_ros.posterior.conditional import WHOLE, find_conditional
from ik_nn_ros.posterior.densities import GUARD, LOG_MASS
from ik_nn_ros.posterior.pieces import Pieces, find_pieces
from ik_nn_ros.posterior.quantiles import KNOTS, tabulate
from ik_nn_ros.posterior.tables import (
    BEARINGS,
    BY_BEARING,
    BY_DISTANCE,
    BY_HEADING,
    DISTANCES,
    ENTRY,
    HEADINGS,
    LOG_VALUE,
    NODE_SLOTS,
    Tables,
    bearing_of_node,
    ends_factor,
    share_of_node,
)

# Nodes over distance, bearing and heading.
GRID = (64, 96, 1)
GRID_WITH_LIMITS = (64, 240, 1)  # bounds follow the bearing: the cells that they cut are to be thin
GRID_OF_POSES = (40, 20, 24)
DISTANCES_ALONE = 2048  # where neither bearing nor heading counts
# Grids are made finer until the tables of all joints that are drawn by them have so many entries,
# for limits, which cut through cells, and as many for headings, whose nodes are far apart.
ENTRIES = 200_000
ENTRIES_OF_VALUES = 400_000  # of the joint drawn by `pieces`: without quantiles they are small
MOST_BENT = 1e4  # [nats], of a second difference: a larger one is that of an edge
NOTHING = -1e9  # [nats], log of no density, finite so that it can be interpolated


def empty_tables(chain: np.ndarray, circles: np.ndarray) -> Tables:
    """Room for the tables of the free joints but the first.

    Args:
        chain: see `chain_array`.
        circles: (N,) whether each joint's prior is uniform on the circle. Where one's is, turning
            the rest as a whole changes nothing: its table needs no bearings; and where the last
            joint's is, a pose's tables need no headings.
    """
    grid = np.zeros((len(circles), 5), dtype=np.int64)
    with_headings = chain[0, POSE] > 0.0 and not circles[-1]
    tabulated = np.arange(1, int(chain[0, CLOSING]))
    for joint in tabulated:
        distances, bearings, headings = GRID_WITH_LIMITS if chain[joint, BOUNDED] > 0.0 else GRID
        if with_headings:
            distances, bearings, headings = GRID_OF_POSES
        if circles[joint]:
            bearings = 1
        if bearings == headings == 1:
            distances = DISTANCES_ALONE
        slots = 1 if joint == chain[0, PIECEWISE] else chain[joint, SLOTS]
        grid[joint, :ENTRY] = distances, bearings, headings, slots
    drawn = tabulated[tabulated != chain[0, PIECEWISE]]
    _refine(grid, drawn, ENTRIES * (int(with_headings) + int(chain[:, BOUNDED].any())))
    _refine(grid, tabulated[tabulated == chain[0, PIECEWISE]], ENTRIES_OF_VALUES)
    sizes = grid[:, :ENTRY].prod(axis=1)
    grid[:, ENTRY] = np.cumsum(sizes) - sizes
    return Tables(
        grid,
        np.zeros((int(sizes.sum()), 4), np.float32),
        np.zeros((int(sizes[drawn].sum()), KNOTS, 2), np.float32),
    )


def _refine(grid: np.ndarray, joints: np.ndarray, entries: int) -> None:
    """Make joints' grids finer along all axes that they have, until they have so many entries.

    Those of a distance alone are fine as they are.
    """
    joints = joints[(grid[joints, :NODE_SLOTS] > 1).sum(axis=1) > 1]
    if len(joints):
        nodes = grid[joints, :NODE_SLOTS]
        axes = int((nodes > 1).sum(axis=1).max())
        finer = (entries / grid[joints, :ENTRY].prod(axis=1).sum()) ** (1.0 / axes)
        grid[joints, :NODE_SLOTS] = np.where(nodes > 1, max(finer, 1.0) * nodes, nodes)


@plain
def fill(
    chain: np.ndarray,
    grid: np.ndarray,
    values: np.ndarray,
    quantiles: np.ndarray,
    joint: int,
    row: int,
    found: np.ndarray,
    pieces: Pieces | None,
) -> None:
    """One distance of a joint's table, from the tables of the joints after it."""
    bearings, headings, slots = (
        grid[joint, BEARINGS],
        grid[joint, HEADINGS],
        grid[joint, NODE_SLOTS],
    )
    entry = grid[joint, ENTRY] + row * bearings * headings * slots
    share = share_of_node(chain, joint, (row + 0.5) / grid[joint, DISTANCES])
    ends = math.log(ends_factor(chain, joint, math.sqrt(share), math.sqrt(1.0 - share)))
    for k in range(bearings):
        bearing = bearing_of_node(chain, joint, k, bearings)
        inner, outer = bounds_at(chain, joint, bearing)
        distance = inner + (outer - inner) * share
        x, y = distance * math.cos(bearing), distance * math.sin(bearing)
        for h in range(headings):
            heading = bearing + TURN * h / headings
            if pieces is not None and joint == chain[0, PIECEWISE]:
                values[entry, LOG_VALUE] = find_pieces(chain, x, y, heading, pieces) - ends
                entry += 1
                continue
            find_conditional(chain, grid, values, joint, x, y, heading, found, pieces, WHOLE)
            for slot in range(slots):
                values[entry, LOG_VALUE] = found[slot, LOG_MASS] - ends
                if found[slot, LOG_MASS] > -math.inf:
                    tabulate(found, slot, quantiles, entry)
                entry += 1


def widen(chain: np.ndarray, tables: Tables, joint: int) -> None:
    """Let nodes that a slot does not reach resemble their neighbours: its edge lies between.

    They get a share of the largest value beside them, and the quantiles of that neighbour.
    """
    shape = tables.grid[joint, :ENTRY]
    begin = tables.grid[joint, ENTRY]
    entries = slice(begin, begin + shape.prod())
    values = tables.values[entries, LOG_VALUE].reshape(shape)
    around = chain[joint, BEARINGS_WIDTH] == TURN
    best, source = np.full(shape, -np.inf), np.zeros(shape, dtype=np.int64)
    numbers = np.arange(values.size).reshape(shape)
    for by_distance in (-1, 0, 1):
        for by_bearing in (-1, 0, 1):
            for by_heading in (-1, 0, 1):
                beside, number = (
                    _moved(
                        _moved(np.roll(array, by_heading, 2), by_bearing, 1, around), by_distance, 0
                    )
                    for array in (values, numbers)
                )
                better = beside > best
                best, source = np.where(better, beside, best), np.where(better, number, source)
    empty = np.isneginf(values)
    values[empty] = np.maximum(best[empty] + math.log(GUARD), NOTHING)
    tables.values[entries, LOG_VALUE] = values.ravel()
    if joint == chain[0, PIECEWISE]:
        return
    quantiles = tables.quantiles[entries]
    quantiles[empty.ravel()] = quantiles[source[empty]]
    untouched = quantiles[:, -1, 0] == 0.0
    quantiles[untouched] = np.stack((np.linspace(0.0, 1.0, KNOTS), np.ones(KNOTS)), axis=1)


def bend(chain: np.ndarray, tables: Tables, joint: int) -> None:
    """Write the second differences of a joint's table, which make its interpolation quadratic.

    They stay zero at the ends, and where limits bound the chain: there values jump.
    """
    if chain[joint, BOUNDED] > 0.0:
        return
    shape = tables.grid[joint, :ENTRY]
    begin = tables.grid[joint, ENTRY]
    columns = tables.values[begin : begin + shape.prod()]
    values = columns[:, LOG_VALUE].reshape(shape)
    for column, axis in ((BY_DISTANCE, 0), (BY_BEARING, 1), (BY_HEADING, 2)):
        before, after = (_moved(values, by, axis, around=axis > 0) for by in (1, -1))
        second = before - 2.0 * values + after
        if axis == 0:
            second[[0, -1]] = second[[1, -2]]
        columns[:, column] = np.where(np.abs(second) < MOST_BENT, second, 0.0).ravel()


def _moved(array: np.ndarray, by: int, axis: int, around: bool = False) -> np.ndarray:
    """An array whose entries are moved along an axis, round it or beyond its repeated edge."""
    mode = "wrap" if around else "clip"
    return np.take(array, np.arange(array.shape[axis]) - by, axis, mode=mode)
