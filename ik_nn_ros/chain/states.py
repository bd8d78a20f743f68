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

from ik_nn_ros.chain.arithmetic import TINY, acos, atan2, cos_sin
from ik_nn_ros.chain.chain_array import (
    ALONE,
    BEARING,
    BEARINGS_WIDTH,
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
    START,
    TURN,
    UPPER,
)
from ik_nn_ros.chain.reach import BINS
from ik_nn_ros.compilation import inlined, inner, plain


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


class Closing(NamedTuple):
    """How two joints close the chain, one way or the other, see `Roots`.

    Attributes:
        base, offset, bend: see `Roots`.
        volume: |J|; 0 where they cannot.
    """

    base: float
    offset: float
    bend: float
    volume: float


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
    return log_prior_of_turns(chain, joint, theta)


@plain
def log_prior_of_turns(chain: np.ndarray, joint: int, theta: float) -> float:
    """`log_prior` of an angle in the joint's first turn, of which several count."""
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
    return turned(chain[joint, LINK], x, y, heading, theta)


@inner
def turned(
    link: float, x: float, y: float, heading: float, theta: float
) -> tuple[float, float, float]:
    """The state behind a joint at theta that turns a link."""
    cosine, sine = cos_sin(theta)
    return cosine * x + sine * y - link, cosine * y - sine * x, heading - theta


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
    return turning_arc(chain[joint, LINK], inner, outer, x, y)


@inner
def turning_arc(link: float, inner: float, outer: float, x: float, y: float) -> Arc:
    """The arc of a joint that turns a link, given the ends of the rest's reach."""
    squared = x * x + y * y
    # The next state is r^2 + l^2 - 2 r l cos(theta - centre) away, squared.
    product = 2.0 * math.sqrt(squared) * link + TINY
    nearest = acos((squared + link * link - inner * inner) / product)
    farthest = acos((squared + link * link - outer * outer) / product)
    return Arc(atan2(y, x), 0.5 * (nearest + farthest), 0.5 * (farthest - nearest))


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


@inner
def closing(first: float, second: float, x: float, y: float) -> Closing:
    """How two joints that turn links of such lengths bring the TCP to (x, y)."""
    # 1 - cos and 1 + cos by the law of cosines, as products: nothing is lost near 0.
    distance, double = math.sqrt(x * x + y * y), 2.0 * first * second
    above = (first + second - distance) * (first + second + distance) / double
    below = (distance - first + second) * (distance + first - second) / double
    sine, cosine = math.sqrt(max(above * below, 0.0)), 0.5 * (below - above)
    offset = atan2(second * sine, first + second * cosine)
    closed = above > 0.0 and below > 0.0
    return Closing(
        atan2(y, x), offset, atan2(sine, cosine), first * second * sine if closed else 0.0
    )


@inner
def closing_from_rail(second: float, x: float, y: float) -> Closing:
    """How a rail and a joint that turns a link of such a length bring the TCP to (x, y)."""
    above, below = (second - x) / second, (second + x) / second
    sine, cosine = math.sqrt(max(above * below, 0.0)), 0.5 * (below - above)
    return Closing(y, second * sine, atan2(sine, cosine), second * sine)


@inner
def closing_at(chain: np.ndarray, x: float, y: float) -> Closing:
    """How the closing joints bring what the chain carries to its place."""
    joint = int(chain[0, CLOSING])
    if joint == 0 and chain[0, RAIL] > 0.0:
        return closing_from_rail(chain[1, LINK], x, y)
    return closing(chain[joint, LINK], chain[joint + 1, LINK], x, y)


@inlined
def roots(chain: np.ndarray, x: float, y: float, heading: float) -> Roots:
    """The ways to close the chain from the state of its first closing joint."""
    joint = int(chain[0, CLOSING])
    base, offset, bend, volume = closing_at(chain, x, y)
    if not volume > 0.0:
        return Roots(-math.inf, -math.inf, 0.0, 0.0, 0.0, -math.inf)
    log_volume = math.log(volume)
    up = log_prior(chain, joint, base - offset) + log_prior(chain, joint + 1, bend)
    down = log_prior(chain, joint, base + offset) + log_prior(chain, joint + 1, -bend)
    if chain[0, POSE] > 0.0:
        from_rail = joint == 0 and chain[0, RAIL] > 0.0
        up += log_prior(chain, joint + 2, last_angle(from_rail, heading, base - offset, bend))
        down += log_prior(chain, joint + 2, last_angle(from_rail, heading, base + offset, -bend))
    return Roots(up - log_volume, down - log_volume, base, offset, bend, log_volume)


@inlined
def last_angle(from_rail: bool, heading: float, first: float, second: float) -> float:
    """What is left of a heading to the last joint, behind two closing joints."""
    return heading - second if from_rail else heading - first - second


@inlined
def angle_at(side: float, on: Arc, cosine: float) -> float:
    """The angle of a joint where the arc's u has this cosine, on one side of the centre."""
    return on.centre + side * (on.middle - on.half * cosine)


@inlined
def log_sum(first: float, second: float) -> float:
    """log(e^first + e^second)."""
    high, low = max(first, second), min(first, second)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
