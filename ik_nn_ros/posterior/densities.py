"""A joint's density over the coordinate u of its arc, see `ik_nn_ros.chain.states.Arc`.

It is an array with a row for each interval in which it is smooth: a slot, or a piece of one. A row
has the density in the middles of equal cells, from where it is found to begin to where it ends.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.compilation import plain

NEGLIGIBLE = 16.0  # [nats] below the largest density
GUARD = 0.3  # no node has less than this share of its neighbours': a jump may lie between
LEAST_SHARE = 1e-15  # of mass on either side of a quantile

# Columns. An array is one argument, see `chain_array`.
BEGIN, END = 0, 1  # a slot's interval of u; both 0 where there is none
LOW, HIGH = 2, 3  # the part of it where its mass is
LOG_MASS = 4  # [nats], minus infinite where there is none
SUM = 5  # of the densities
MASS = 6  # relative to the largest one's, while a row is chosen
SIDE = 7  # of the arc's centre: 1 or -1
DENSITY = 8  # over u, relative, in the middles of equal cells from LOW to HIGH


def new_densities(rows: int, nodes: int) -> np.ndarray:
    """Memory for so many rows of so many cells, none of which has any mass."""
    found = np.zeros((rows, DENSITY + nodes))
    found[:, LOG_MASS] = -math.inf
    return found


@plain
def weigh(found: np.ndarray, row: int, nodes: int, largest: float) -> float:
    """Turn a row's log densities, of which the largest is given, to densities; its log mass."""
    mass, before, guarded = 0.0, 0.0, 0.0
    after = math.exp(found[row, DENSITY] - largest)
    for node in range(DENSITY, DENSITY + nodes):
        own, after = after, 0.0
        if node + 1 < DENSITY + nodes:
            after = math.exp(found[row, node + 1] - largest)
        mass += own
        found[row, node] = max(own, GUARD * max(before, after))
        guarded += found[row, node]
        before = own
    found[row, SUM] = guarded
    cell = (found[row, HIGH] - found[row, LOW]) / nodes
    found[row, LOG_MASS] = largest + math.log(mass * cell)
    return found[row, LOG_MASS]


@plain
def choose(found: np.ndarray, rows: int, uniform: float) -> tuple[int, float, float]:
    """One of the first rows by their log masses.

    What is left of the uniform number falls on one side of the remaining direction where it rises
    on the other: both sides meet in the middle, and a solution that passes from one to the other,
    when the target moves, moves a little.

    Returns:
        The row or -1, its share of all mass, and the uniform number that is left within it.
    """
    largest, total, chosen = -math.inf, 0.0, -1
    for row in range(rows):
        largest = max(largest, found[row, LOG_MASS])
    if largest == -math.inf:
        return -1, 0.0, 0.0
    for row in range(rows):
        mass = found[row, LOG_MASS]
        found[row, MASS] = math.exp(mass - largest) if mass > -math.inf else 0.0
        total += found[row, MASS]
    rest, below = uniform * total, 0.0
    for row in range(rows):
        if found[row, MASS] > 0.0:
            rest -= below
            chosen, below = row, found[row, MASS]
            if rest < below:
                break
    share = rest / below
    if found[chosen, SIDE] > 0.0:
        share = 1.0 - share
    return chosen, below / total, min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)


@plain
def quantile(found: np.ndarray, row: int, nodes: int, share: float) -> tuple[float, float]:
    """The u below which a share of a row's mass lies, and the row's density there."""
    rest, node = share * found[row, SUM], DENSITY
    while node < DENSITY + nodes - 1 and rest >= found[row, node]:
        rest -= found[row, node]
        node += 1
    while node > DENSITY and found[row, node] == 0.0:  # rounded beyond the last one with mass
        node -= 1
    own = found[row, node]
    # Within a cell the density is linear, from and to the means with its neighbours', and scaled so
    # that the cell keeps its mass.
    left = 0.5 * (found[row, max(node - 1, DENSITY)] + own)
    right = 0.5 * (found[row, min(node + 1, DENSITY + nodes - 1)] + own)
    scale = 0.5 * (left + right) / own
    rest = min(max(rest, 0.0), own) * scale
    within = 2.0 * rest / (left + math.sqrt(max(left * left + 2.0 * (right - left) * rest, 0.0)))
    cell = (found[row, HIGH] - found[row, LOW]) / nodes
    density = (left + (right - left) * within) / (scale * found[row, SUM] * cell)
    return found[row, LOW] + (node - DENSITY + within) * cell, density
