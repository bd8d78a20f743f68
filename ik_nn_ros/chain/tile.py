"""Rows that go through everything together, as one array: quantity after quantity.

Of the i-th row x is tile[X + i]. In loops over i that call nothing but functions of `arithmetic` a
compiler makes vector instructions of them: it sees that no two quantities overlap.
"""

from __future__ import annotations

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import MOST_SLOTS
from ik_nn_ros.compilation import plain

X, Y, HEADING = 0 * TILE, 1 * TILE, 2 * TILE  # the state of the next joint, see `states`
CENTRE, MIDDLE, HALF = 3 * TILE, 4 * TILE, 5 * TILE  # of the arc that it leaves, see `states.Arc`
LOG_RATIO = 6 * TILE  # of prior over density so far [nats]; minus infinite: it leads nowhere
UNIFORM = 7 * TILE  # a number in [0, 1), or what is left of it
THETA, LOG_OWN = 8 * TILE, 9 * TILE  # a joint's angle [rad], its log prior density [nats]

# Of a joint's slots: log masses, then masses, and intervals of the arc's u; of the one that is
# drawn its place, side, interval and mass; the mass of all, and the largest logarithm.
MASSES, LOWS, HIGHS = 10 * TILE, (10 + MOST_SLOTS) * TILE, (10 + 2 * MOST_SLOTS) * TILE
DRAWN = (10 + 3 * MOST_SLOTS) * TILE
SIDE, LOW, HIGH, MASS = DRAWN + TILE, DRAWN + 2 * TILE, DRAWN + 3 * TILE, DRAWN + 4 * TILE
ALL_MASS, LARGEST, KNOTS = DRAWN + 5 * TILE, DRAWN + 6 * TILE, DRAWN + 7 * TILE

# Of the closing roots, in the place of the slots: see `states.Closing`; the log prior densities of
# a root that bends up and of one that bends down; and what becomes of the row.
BASE, OFFSET, BEND, VOLUME = 10 * TILE, 11 * TILE, 12 * TILE, 13 * TILE
UP, DOWN = 14 * TILE, 15 * TILE
LOG_WEIGHT, LOG_PRIOR, ERROR = 16 * TILE, 17 * TILE, 18 * TILE
REACHED_X, REACHED_Y = 19 * TILE, 20 * TILE

POSITIONS = KNOTS + TILE  # of the first joint; those of the others follow


def new_tile(dof: int) -> np.ndarray:
    """Memory for the rows of an arm with so many joints."""
    return np.zeros(POSITIONS + dof * TILE)


@plain
def begin(state: np.ndarray, tile: np.ndarray) -> None:
    """Put all rows to a state (3,)."""
    for i in range(TILE):
        tile[X + i], tile[Y + i], tile[HEADING + i] = state[0], state[1], state[2]
        tile[LOG_RATIO + i] = 0.0


@plain
def take_uniforms(uniforms: np.ndarray, start: int, column: int, tile: np.ndarray) -> None:
    """A column of uniform numbers (m, k), from a row on; rows beyond the last one take any."""
    for i in range(TILE):
        tile[UNIFORM + i] = uniforms[min(start + i, len(uniforms) - 1), column]
