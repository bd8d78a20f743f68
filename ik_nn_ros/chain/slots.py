"""What limits leave of an arc to each slot, see `chain_array.joint_slots`.

The joint's own limits, and those of the joints behind it, which bound what these reach.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TINY, acos
from ik_nn_ros.chain.chain_array import (
    BOUNDED,
    CUTS,
    CUTS_OF_CELL,
    CUTS_OF_SIDE,
    INNER,
    OUTER,
    PART_OF_SLOT,
    PERIOD_OF_SLOT,
    RAIL,
    SLOT,
    SLOT_SIZE,
)
from ik_nn_ros.chain.reach import CELLS
from ik_nn_ros.chain.states import Arc
from ik_nn_ros.compilation import inlined, inner


@inlined
def segment(
    chain: np.ndarray, joint: int, slot: int, on: Arc, x: float, y: float
) -> tuple[float, float]:
    """The interval of an arc's u that a slot leaves at a state; (0, 0) where nothing is left."""
    column = SLOT + SLOT_SIZE * slot
    side, period = chain[joint, column], chain[joint, column + PERIOD_OF_SLOT]
    bounded = rest_is_bounded(chain, joint)
    if period == 0.0 and not bounded:
        return 0.0, math.pi
    low, high = ends(side, on)
    if bounded:
        part = chain[joint, column + PART_OF_SLOT]
        low, high = reached_by_rest(chain, joint, side, part, on.centre, x, y, low, high)
    if period > 0.0:
        low, high = within(chain[joint, column + 1], chain[joint, column + 2], period, low, high)
    return as_interval(side, on, low, high)


@inner
def rest_is_bounded(chain: np.ndarray, joint: int) -> bool:
    """Whether limits of the joints behind a joint cut its arc; of a rail they are not looked at."""
    return chain[joint + 1, BOUNDED] > 0.0 and not (joint == 0 and chain[0, RAIL] > 0.0)


@inner
def ends(side: float, on: Arc) -> tuple[float, float]:
    """The least and the largest angle of an arc on one side of its centre."""
    middle = on.centre + side * on.middle
    return middle - on.half, middle + on.half


@inner
def within(
    lower: float, upper: float, period: float, low: float, high: float
) -> tuple[float, float]:
    """What limits leave of angles; the least is above the largest where nothing is left."""
    shift = period * np.ceil((low - upper) / period)
    return max(low, lower + shift), min(high, upper + shift)


@inner
def reached_by_rest(
    chain: np.ndarray,
    joint: int,
    side: float,
    part: float,
    centre: float,
    x: float,
    y: float,
    low: float,
    high: float,
) -> tuple[float, float]:
    """What the rest's reach leaves of angles on one side of an arc's centre, see `reach.cuts`.

    Of a ``part`` other than 0: below or above the gap in that, see `gaps`.
    """
    nearest, farthest = chain[joint, INNER], chain[joint, OUTER]
    cells = (math.sqrt(x * x + y * y) - nearest) / (farthest - nearest + TINY) * CELLS
    cells = min(max(cells, 0.0), float(CELLS))
    cell = min(int(cells), CELLS - 1)
    share, column = cells - cell, CUTS + CUTS_OF_CELL * cell + (CUTS_OF_SIDE if side < 0.0 else 0)
    after = column + CUTS_OF_CELL
    least = (1.0 - share) * chain[joint, column] + share * chain[joint, after]
    most = (1.0 - share) * chain[joint, column + 1] + share * chain[joint, after + 1]
    begin = (1.0 - share) * chain[joint, column + 2] + share * chain[joint, after + 2]
    end = (1.0 - share) * chain[joint, column + 3] + share * chain[joint, after + 3]
    most = min(most, begin) if part < 0.0 else most
    least = max(least, end) if part > 0.0 else least
    if side < 0.0:
        return max(low, centre - most), min(high, centre - least)
    return max(low, centre + least), min(high, centre + most)


@inner
def as_interval(side: float, on: Arc, low: float, high: float) -> tuple[float, float]:
    """The interval of u of angles on one side of an arc's centre; (0, 0) where there are none."""
    half = on.half + TINY
    first = acos((on.middle - side * (low - on.centre)) / half)
    last = acos((on.middle - side * (high - on.centre)) / half)
    return (min(first, last), max(first, last)) if low < high else (0.0, 0.0)
