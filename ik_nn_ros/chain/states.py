"""Remaining targets, the arcs that they leave to a joint, and the roots that close the chain.

A state (x, y, heading) is the target as joint i sees it: in a frame at the joint whose x axis
continues the link before. With l_i the link after joint i,

    (x, y)' = Rot(-theta_i) (x, y) - (l_i, 0),   heading' = heading - theta_i

is the state of joint i + 1. A rail is a first joint that shifts y instead. Of a pose, (x, y) is the
wrist, which all joints but the last one carry; of a position the heading counts for nothing.

All of it is machine code on the array of `chain_array`, whose columns it names. Arrays are indexed,
not sliced: a slice is one more counted reference.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.chain.chain_array import (
    ALONE,
    BEARING,
    BEARINGS_WIDTH,
    BINS,
    BOUNDED,
    BOUNDS,
    CLOSING,
    FIRST_TURN,
    INNER,
    LAST_TURN,
    LINK,
    LOG_NORMALISER,
    MEAN,
    OUTER,
    PERIOD,
    POSE,
    PRECISION,
    RAIL,
    SLOT,
    SLOT_SIZE,
    START,
    TURN,
    UPPER,
)
from ik_nn_ros.compilation import inlined, plain

TINY = 1e-300


class Arc(NamedTuple):
    """Where a joint may stand so that the rest of the chain can reach what remains.

    Its angle is centre +- (middle - half cos u) with u in [0, pi]: over u the poles that a density
    has where the rest of the chain is stretched or folded are finite.

    Attributes:
        centre: the direction to the remaining target [rad]; of a rail its y [m].
        middle, half: of the angle to the centre [rad]; ``half`` is 0 where no angle will do.
    """

    centre: float
    middle: float
    half: float


class Roots(NamedTuple):
    """Both ways to close the chain.

    Of two closing joints one root is at ``base - offset, bend``, the other at
    ``base + offset, -bend``. Of three, the last one takes what is left of the heading.

    Attributes:
        log_up, log_down: log of the closing joints' prior over |J| [nats], of the root with a
            positive bend and of the other; minus infinite where there is none.
        base, offset, bend: [rad]; of a rail ``base`` and ``offset`` are [m].
        log_volume: log |J|.
    """

    log_up: float
    log_down: float
    base: float
    offset: float
    bend: float
    log_volume: float


@inlined
def log_prior(chain: np.ndarray, joint: int, theta: float) -> float:
    """Log density [nats] of an angle [rad], summed over the turns that it may be in.

    Of a rail: of a position [m], whose period is endless.
    """
    start, upper, period = chain[joint, START], chain[joint, UPPER], chain[joint, PERIOD]
    theta -= period * math.floor((theta - start) / period)
    off = theta - chain[joint, MEAN]
    if abs(off) < chain[joint, ALONE]:
        if theta > upper:
            return -math.inf
        return chain[joint, LOG_NORMALISER] - 0.5 * chain[joint, PRECISION] * off * off
    return _log_prior_of_turns(chain, joint, theta)


@plain
def _log_prior_of_turns(chain: np.ndarray, joint: int, theta: float) -> float:
    total = 0.0
    for turn in range(int(chain[joint, FIRST_TURN]), int(chain[joint, LAST_TURN]) + 1):
        angle = theta + chain[joint, PERIOD] * turn
        if angle <= chain[joint, UPPER]:
            total += math.exp(-0.5 * chain[joint, PRECISION] * (angle - chain[joint, MEAN]) ** 2)
    return chain[joint, LOG_NORMALISER] + math.log(total)


@inlined
def advance(
    chain: np.ndarray, joint: int, x: float, y: float, heading: float, theta: float
) -> tuple[float, float, float]:
    """The state of the next joint, when this one stands at theta."""
    if joint == 0 and chain[0, RAIL] > 0.0:
        return x, y - theta, heading
    cosine, sine = math.cos(theta), math.sin(theta)
    return cosine * x + sine * y - chain[joint, LINK], cosine * y - sine * x, heading - theta


@inlined
def arc(chain: np.ndarray, joint: int, x: float, y: float) -> Arc:
    """The arc of a joint at a state, its own limits aside."""
    inner, outer = chain[joint + 1, INNER], chain[joint + 1, OUTER]
    if joint == 0 and chain[0, RAIL] > 0.0:
        if abs(x) >= outer:
            return Arc(y, 0.0, 0.0)
        nearest = math.sqrt(max(inner * inner - x * x, 0.0))
        farthest = math.sqrt(outer * outer - x * x)
        return Arc(y, 0.5 * (nearest + farthest), 0.5 * (farthest - nearest))
    link, squared, centre = chain[joint, LINK], x * x + y * y, math.atan2(y, x)
    # The next state is r^2 + l^2 - 2 r l cos(theta - centre) away, squared.
    product = 2.0 * math.sqrt(squared) * link + TINY
    at_outer = (squared + link * link - outer * outer) / product
    at_inner = (squared + link * link - inner * inner) / product
    if at_outer >= 1.0 or at_inner <= -1.0:
        return Arc(centre, 0.0, 0.0)
    nearest = math.acos(at_inner) if at_inner < 1.0 else 0.0
    farthest = math.acos(at_outer) if at_outer > -1.0 else math.pi
    return Arc(centre, 0.5 * (nearest + farthest), 0.5 * (farthest - nearest))


@inlined
def segment(chain: np.ndarray, joint: int, slot: int, on: Arc) -> tuple[float, float]:
    """The interval of an arc's u that a slot leaves; (0, 0) where nothing is left."""
    column = SLOT + SLOT_SIZE * slot
    side, lower, upper = chain[joint, column], chain[joint, column + 1], chain[joint, column + 2]
    period = chain[joint, column + 3]
    if period == 0.0:
        return 0.0, math.pi
    low = on.centre + side * on.middle - on.half
    high = on.centre + side * on.middle + on.half
    shift = period * math.ceil((low - upper) / period)
    low, high = max(low, lower + shift), min(high, upper + shift)
    if low >= high:
        return 0.0, 0.0
    first = math.acos(min(max((on.middle - side * (low - on.centre)) / on.half, -1.0), 1.0))
    last = math.acos(min(max((on.middle - side * (high - on.centre)) / on.half, -1.0), 1.0))
    return min(first, last), max(first, last)


@inlined
def bounds_at(chain: np.ndarray, joint: int, bearing: float) -> tuple[float, float]:
    """Bounds of the distance [m] that the chain from a joint on reaches at a bearing."""
    if chain[joint, BOUNDED] == 0.0:
        return chain[joint, INNER], chain[joint, OUTER]
    turned = bearing - chain[joint, BEARING]
    turned -= TURN * math.floor(turned / TURN)
    bins = min(turned / chain[joint, BEARINGS_WIDTH] * BINS, float(BINS))
    low = min(int(bins), BINS - 1)
    share, column = bins - low, BOUNDS + 2 * low
    return (
        (1.0 - share) * chain[joint, column] + share * chain[joint, column + 2],
        (1.0 - share) * chain[joint, column + 1] + share * chain[joint, column + 3],
    )


@inlined
def roots(chain: np.ndarray, x: float, y: float, heading: float) -> Roots:
    """The ways to close the chain from the state of its first closing joint."""
    joint = int(chain[0, CLOSING])
    first, second = chain[joint, LINK], chain[joint + 1, LINK]
    from_rail = joint == 0 and chain[0, RAIL] > 0.0
    if from_rail:
        above, below = (second - x) / second, (second + x) / second
    else:
        # 1 - cos and 1 + cos by the law of cosines, as products: nothing is lost near 0.
        distance, double = math.sqrt(x * x + y * y), 2.0 * first * second
        above = (first + second - distance) * (first + second + distance) / double
        below = (distance - first + second) * (distance + first - second) / double
    if not (above > 0.0 and below > 0.0):
        return Roots(-math.inf, -math.inf, 0.0, 0.0, 0.0, -math.inf)
    sine, cosine = math.sqrt(above * below), 0.5 * (below - above)
    bend = math.atan2(sine, cosine)
    if from_rail:
        base, offset, log_volume = y, second * sine, math.log(second * sine)
    else:
        base = math.atan2(y, x)
        offset = math.atan2(second * sine, first + second * cosine)
        log_volume = math.log(first * second * sine)
    up = log_prior(chain, joint, base - offset) + log_prior(chain, joint + 1, bend)
    down = log_prior(chain, joint, base + offset) + log_prior(chain, joint + 1, -bend)
    if chain[0, POSE] > 0.0:
        up += log_prior(chain, joint + 2, last_angle(from_rail, heading, base - offset, bend))
        down += log_prior(chain, joint + 2, last_angle(from_rail, heading, base + offset, -bend))
    return Roots(up - log_volume, down - log_volume, base, offset, bend, log_volume)


@inlined
def last_angle(from_rail: bool, heading: float, first: float, second: float) -> float:
    """What is left of a heading to the last joint, behind two closing joints."""
    return heading - second if from_rail else heading - first - second


@inlined
def settle(
    chain: np.ndarray, joint: int, theta: float, uniform: float
) -> tuple[float, float, float]:
    """An angle in one of its turns, drawn by the prior.

    Returns:
        The angle, its log density there [nats], and a uniform number that is left.
    """
    theta -= chain[joint, PERIOD] * math.floor((theta - chain[joint, START]) / chain[joint, PERIOD])
    off = theta - chain[joint, MEAN]
    if not abs(off) < chain[joint, ALONE]:
        theta, uniform = _settle_among_turns(chain, joint, theta, uniform)
        off = theta - chain[joint, MEAN]
    log_density = chain[joint, LOG_NORMALISER] - 0.5 * chain[joint, PRECISION] * off * off
    return theta, log_density, uniform


@plain
def _settle_among_turns(
    chain: np.ndarray, joint: int, theta: float, uniform: float
) -> tuple[float, float]:
    rest = uniform * math.exp(
        _log_prior_of_turns(chain, joint, theta) - chain[joint, LOG_NORMALISER]
    )
    angle, chosen = theta, theta
    for turn in range(int(chain[joint, FIRST_TURN]), int(chain[joint, LAST_TURN]) + 1):
        angle = theta + chain[joint, PERIOD] * turn
        if angle <= chain[joint, UPPER]:
            density = math.exp(-0.5 * chain[joint, PRECISION] * (angle - chain[joint, MEAN]) ** 2)
            if density > 0.0:
                chosen = angle
                if rest < density:
                    return chosen, rest / density
                rest -= density
    return chosen, 0.5


@inlined
def angle_at(chain: np.ndarray, joint: int, slot: int, on: Arc, cosine: float) -> float:
    """The angle of a joint where the arc's u has this cosine, on the slot's side."""
    return on.centre + chain[joint, SLOT + SLOT_SIZE * slot] * (on.middle - on.half * cosine)


@inlined
def log_sum(first: float, second: float) -> float:
    """log(e^first + e^second)."""
    high, low = max(first, second), min(first, second)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
