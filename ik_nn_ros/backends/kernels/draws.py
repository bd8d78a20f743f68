"""Draws of a joint in a tile of rows, by what a network says of its conditionals."""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.chain.arithmetic import TILE, cos_sin, exp, log
from ik_nn_ros.chain.chain_array import (
    INNER,
    LINK,
    OUTER,
    PART_OF_SLOT,
    PERIOD_OF_SLOT,
    POSE,
    RAIL,
    SLOT,
    SLOT_SIZE,
    SLOTS,
)
from ik_nn_ros.chain.features import (
    cut_by_limits,
    scale_of,
    write_features_of_heading,
    write_features_of_limits,
    write_features_of_position,
)
from ik_nn_ros.chain.slots import as_interval, ends, reached_by_rest, rest_is_bounded, within
from ik_nn_ros.chain.states import Arc, arc, turned, turning_arc
from ik_nn_ros.chain.tile import (
    ALL_MASS,
    CENTRE,
    DRAWN,
    HALF,
    HEADING,
    HIGH,
    HIGHS,
    KNOTS,
    LARGEST,
    LOG_OWN,
    LOG_RATIO,
    LOW,
    LOWS,
    MASS,
    MASSES,
    MIDDLE,
    POSITIONS,
    SIDE,
    THETA,
    UNIFORM,
    X,
    Y,
)
from ik_nn_ros.chain.turns import write_log_prior
from ik_nn_ros.compilation import inner, merged, plain
from ik_nn_ros.models.architectures import CINNConfig
from ik_nn_ros.posterior.densities import LEAST_SHARE
from ik_nn_ros.posterior.quantiles import knot_of_level, level_of_knot, spline

MOST_EXPONENT = np.float32(60.0)  # either way
LEAST_RISE, MOST_LOG_RATE = CINNConfig.least_rise, np.float32(CINNConfig.most_log_rate)
ZERO, ONE = np.float32(0.0), np.float32(1.0)
CLOSED = -1e30  # log mass of a slot that has no interval

# Quantities of a tile that are read off what a network says, as in `chain.tile`, in float32: the
# slot; the knot before a quantile; the sum of all rises, of those before the knot, and the one
# behind it; the logarithms of the rates at both ends of that; the logarithms of the slot's rises.
READ_SLOT, READ_KNOT, READ_TOTAL, READ_BELOW = 0, TILE, 2 * TILE, 3 * TILE
READ_RISE, READ_LEFT, READ_RIGHT, READ_RISES = 4 * TILE, 5 * TILE, 6 * TILE, 7 * TILE


def new_reading(bins: int) -> np.ndarray:
    """Memory for what is read of a slot's quantile function with so many bins."""
    return np.zeros(READ_RISES + bins * TILE, np.float32)


@plain
def find_arcs(chain: np.ndarray, joint: int, tile: np.ndarray) -> None:
    """Write the arcs of a joint's states."""
    link, inner, outer = chain[joint, LINK], chain[joint + 1, INNER], chain[joint + 1, OUTER]
    if joint == 0 and chain[0, RAIL] > 0.0:
        for i in range(TILE):
            on = arc(chain, joint, tile[X + i], tile[Y + i])
            tile[CENTRE + i], tile[MIDDLE + i], tile[HALF + i] = on.centre, on.middle, on.half
        return
    for i in range(TILE):
        on = turning_arc(link, inner, outer, tile[X + i], tile[Y + i])
        tile[CENTRE + i], tile[MIDDLE + i], tile[HALF + i] = on.centre, on.middle, on.half


@plain
def look(chain: np.ndarray, joint: int, tile: np.ndarray, features: np.ndarray) -> None:
    """Write the features (f * TILE,) of a joint's states, whose arcs have been found."""
    of = scale_of(chain, joint)
    for i in range(TILE):
        on = Arc(tile[CENTRE + i], tile[MIDDLE + i], tile[HALF + i])
        write_features_of_position(of, tile[X + i], tile[Y + i], on, features, i, TILE)
    if chain[0, POSE] > 0.0:
        for i in range(TILE):
            x, y, heading = tile[X + i], tile[Y + i], tile[HEADING + i]
            write_features_of_heading(of, x, y, heading, features, i, TILE)
    if cut_by_limits(chain, len(features) // TILE):
        for i in range(TILE):
            on = Arc(tile[CENTRE + i], tile[MIDDLE + i], tile[HALF + i])
            x, y = tile[X + i], tile[Y + i]
            write_features_of_limits(chain, joint, x, y, on, features, i, TILE)


@merged
def _open_slots(chain: np.ndarray, joint: int, said: np.ndarray, tile: np.ndarray) -> None:
    """Write the intervals of a joint's slots and the logarithms of their masses."""
    for slot in range(int(chain[joint, SLOTS])):
        masses, lows, highs = MASSES + TILE * slot, LOWS + TILE * slot, HIGHS + TILE * slot
        cut_slot(chain, joint, slot, tile)
        for i in range(TILE):
            is_open = (tile[HALF + i] > 0.0) & (tile[highs + i] > tile[lows + i])
            tile[masses + i] = said[TILE * slot + i] if is_open else CLOSED


@plain
def cut_slot(chain: np.ndarray, joint: int, slot: int, tile: np.ndarray) -> None:
    """Write the intervals of a slot, as `slots.segment` does."""
    column, lows, highs = SLOT + SLOT_SIZE * slot, LOWS + TILE * slot, HIGHS + TILE * slot
    side, period = chain[joint, column], chain[joint, column + PERIOD_OF_SLOT]
    lower, upper = chain[joint, column + 1], chain[joint, column + 2]
    part = chain[joint, column + PART_OF_SLOT]
    bounded = rest_is_bounded(chain, joint)
    if period == 0.0 and not bounded:
        for i in range(TILE):
            tile[lows + i], tile[highs + i] = 0.0, math.pi
        return
    for i in range(TILE):
        on = Arc(tile[CENTRE + i], tile[MIDDLE + i], tile[HALF + i])
        low, high = ends(side, on)
        if bounded:
            x, y = tile[X + i], tile[Y + i]
            low, high = reached_by_rest(chain, joint, side, part, on.centre, x, y, low, high)
        if period > 0.0:
            low, high = within(lower, upper, period, low, high)
        tile[lows + i], tile[highs + i] = as_interval(side, on, low, high)


@merged
def _weigh_slots(slots: int, tile: np.ndarray) -> None:
    """From the logarithms of the slots' masses to masses and their sum."""
    for i in range(TILE):
        tile[LARGEST + i], tile[ALL_MASS + i] = CLOSED, 0.0
    for slot in range(slots):
        masses = MASSES + TILE * slot
        for i in range(TILE):
            tile[LARGEST + i] = max(tile[LARGEST + i], tile[masses + i])
    for slot in range(slots):
        masses = MASSES + TILE * slot
        for i in range(TILE):
            log_mass = tile[masses + i]
            power = max(np.float32(log_mass - tile[LARGEST + i]), -MOST_EXPONENT)
            mass = exp(power) if log_mass > CLOSED else 0.0
            tile[masses + i] = mass
            tile[ALL_MASS + i] += mass


@merged
def _draw_slots(chain: np.ndarray, joint: int, tile: np.ndarray) -> None:
    """Draw slots as `posterior.draws.choose` does; rows without any lead nowhere."""
    for i in range(TILE):
        tile[UNIFORM + i] *= tile[ALL_MASS + i]
        tile[MASS + i] = tile[LOW + i] = tile[HIGH + i] = 0.0
    for slot in range(int(chain[joint, SLOTS])):
        side, place = chain[joint, SLOT + SLOT_SIZE * slot], TILE * slot
        for i in range(TILE):
            mass, before, rest = tile[MASSES + place + i], tile[MASS + i], tile[UNIFORM + i]
            drawn = (mass > 0.0) & (rest >= before)
            tile[UNIFORM + i] = rest - before if drawn else rest
            tile[MASS + i] = mass if drawn else before
            tile[DRAWN + i] = slot if drawn else tile[DRAWN + i]
            tile[SIDE + i] = side if drawn else tile[SIDE + i]
            tile[LOW + i] = tile[LOWS + place + i] if drawn else tile[LOW + i]
            tile[HIGH + i] = tile[HIGHS + place + i] if drawn else tile[HIGH + i]
    for i in range(TILE):
        mass, side = tile[MASS + i], tile[SIDE + i]
        share = tile[UNIFORM + i] / mass
        share = 1.0 - share if side > 0.0 else share
        share = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)
        tile[UNIFORM + i] = share if mass > 0.0 else 0.5
        tile[MASS + i] = mass if mass > 0.0 else 1.0


@merged
def _find_knots(bins: int, tile: np.ndarray, read: np.ndarray) -> None:
    """Write where each row's quantile lies between its slot's knots."""
    for i in range(TILE):
        knots = bins * knot_of_level(tile[UNIFORM + i])
        tile[KNOTS + i] = knots
        read[READ_KNOT + i] = min(np.floor(knots), bins - 1.0)
        read[READ_SLOT + i] = tile[DRAWN + i]


@merged
def _copy_rises(said: np.ndarray, slots: int, bins: int, read: np.ndarray) -> None:
    """Copy what is said of the rises of each row's slot."""
    for slot in range(slots):
        own, first = np.float32(slot), slots + (2 * bins + 1) * slot
        for index in range(bins):
            there, here = TILE * (first + index), READ_RISES + TILE * index
            for i in range(TILE):
                drawn, before = said[there + i], read[here + i]
                read[here + i] = drawn if read[READ_SLOT + i] == own else before


@merged
def _sum_rises(rises: np.ndarray, read: np.ndarray) -> None:
    """Sum the rises from knot to knot, whose logarithms are said beside an even density's."""
    for i in range(TILE):
        read[READ_TOTAL + i] = read[READ_BELOW + i] = read[READ_RISE + i] = ZERO
    for index in range(len(rises)):
        here, even, own = READ_RISES + TILE * index, rises[index], np.float32(index)
        for i in range(TILE):
            knot, power = read[READ_KNOT + i], read[here + i]
            rise = even * exp(min(max(power, -MOST_EXPONENT), MOST_EXPONENT))
            read[READ_TOTAL + i] += rise
            read[READ_BELOW + i] += rise if own < knot else ZERO
            read[READ_RISE + i] += rise if own == knot else ZERO


@merged
def _read_rates(said: np.ndarray, slots: int, bins: int, read: np.ndarray) -> None:
    """Read the logarithms of the rates at the knots before and behind each row's quantile."""
    for i in range(TILE):
        slot, knot = int(read[READ_SLOT + i]), int(read[READ_KNOT + i])
        there = TILE * (slots + (2 * bins + 1) * slot + bins + knot) + i
        read[READ_LEFT + i], read[READ_RIGHT + i] = said[there], said[there + TILE]


@inner
def _rate(logarithm: np.float32) -> np.float32:
    return exp(min(max(logarithm, -MOST_LOG_RATE), MOST_LOG_RATE))


@merged
def _place(tile: np.ndarray, read: np.ndarray, bins: int) -> None:
    """Write the angles at each row's quantile, and add to its log ratio minus their log density."""
    for i in range(TILE):
        knots, knot = tile[KNOTS + i], float(read[READ_KNOT + i])
        learned = (1.0 - LEAST_RISE * bins) / read[READ_TOTAL + i]
        left = learned * read[READ_BELOW + i] + LEAST_RISE * knot
        right = left + learned * read[READ_RISE + i] + LEAST_RISE
        rates = _rate(read[READ_LEFT + i]), _rate(read[READ_RIGHT + i])
        place, rate = spline(left, rates[0], right, rates[1], 1.0 / bins, knots - knot)
        _, level_rate = level_of_knot(knots / bins)
        low, width = tile[LOW + i], tile[HIGH + i] - tile[LOW + i]
        cosine, sine = cos_sin(low + width * min(place, 1.0))
        half = tile[HALF + i]
        tile[THETA + i] = tile[CENTRE + i] + tile[SIDE + i] * (tile[MIDDLE + i] - half * cosine)
        density = level_rate * tile[MASS + i] / (rate * tile[ALL_MASS + i])
        tile[LOG_RATIO + i] += log(width * half * abs(sine) / density)


@merged
def _advance(chain: np.ndarray, joint: int, tile: np.ndarray) -> None:
    """Write the states of the next joint."""
    if joint == 0 and chain[0, RAIL] > 0.0:
        for i in range(TILE):
            tile[Y + i] -= tile[THETA + i]
        return
    link = chain[joint, LINK]
    for i in range(TILE):
        x, y, heading, theta = tile[X + i], tile[Y + i], tile[HEADING + i], tile[THETA + i]
        tile[X + i], tile[Y + i], tile[HEADING + i] = turned(link, x, y, heading, theta)


@plain
def step(
    chain: np.ndarray,
    joint: int,
    rises: np.ndarray,
    said: np.ndarray,
    tile: np.ndarray,
    read: np.ndarray,
) -> None:
    """Draw a joint in every row, and write the states of the next one.

    Args:
        chain: see `chain_array`.
        joint: which.
        rises: (bins,) of an even density's quantile function, from knot to knot.
        said: (outputs * TILE,) by the network.
        tile: states, arcs and log ratios of the rows, and their uniform numbers, which are used up.
        read: scratch, see `new_reading`.
    """
    bins, positions = len(rises), POSITIONS + TILE * joint
    _open_slots(chain, joint, said, tile)
    _weigh_slots(int(chain[joint, SLOTS]), tile)
    _draw_slots(chain, joint, tile)
    _find_knots(bins, tile, read)
    slots = len(said) // (TILE * (2 * bins + 2))
    _copy_rises(said, slots, bins, read)
    _sum_rises(rises, read)
    _read_rates(said, slots, bins, read)
    _place(tile, read, bins)
    write_log_prior(chain, joint, tile, TILE)
    for i in range(TILE):
        tile[LOG_RATIO + i] += tile[LOG_OWN + i]
        tile[positions + i] = tile[THETA + i]
    _advance(chain, joint, tile)
