"""What a network of the conditionals sees of a state: coordinates in which they vary smoothly.

Polar ones: of the remaining target its distance, also as roots and logarithms of what is left to
both ends of the reach, and its bearing, also in units of how near the arm is to full reach and of
the joint's deviation; the arc that the rest of the chain leaves; of a pose its heading, from the
axis and from the bearing. Where limits cut slots: how far the distance is between its bounds at
that bearing, and the ends of the slots.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.chain.arithmetic import TINY, atan2, cos_sin, log
from ik_nn_ros.chain.chain_array import (
    FEATURES_OF_BOUNDS,
    FEATURES_OF_POSES,
    FEATURES_OF_POSITIONS,
    INNER,
    MEAN,
    OUTER,
    POSE,
    PRECISION,
    SLOTS,
    TURN,
    UNIT,
)
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, bounds_at
from ik_nn_ros.compilation import inlined, inner

LEAST_SLACK = 1e-5  # of the reach, so that logarithms end
LEAST_SQUARE = 1e-9  # of a root that something is divided by
LEAST_PRECISION = 0.1  # [1 / joint's unit^2]: of a uniform prior it is 0
SOFTNESS = 0.2  # of how many units a coordinate without bounds is worth at the most, the inverse


@inner
def _soft(value: float) -> float:
    return value / (1.0 + SOFTNESS * abs(value))


@inner
def _wrapped(angle: float) -> float:
    return angle - TURN * np.floor(angle / TURN + 0.5)


class Scale(NamedTuple):
    """By what a joint's features are measured.

    Attributes:
        inner, outer: bounds of the distance that the chain from the joint on reaches [m].
        unit: of its position.
        mean: of its prior, in units.
        deviations: how many of its prior's deviations are a unit.
    """

    inner: float
    outer: float
    unit: float
    mean: float
    deviations: float


@inner
def scale_of(chain: np.ndarray, joint: int) -> Scale:
    """The scale of a joint's features."""
    unit = chain[joint, UNIT]
    deviations = math.sqrt(max(chain[joint, PRECISION] * unit * unit, LEAST_PRECISION))
    mean = chain[joint, MEAN] / unit
    return Scale(chain[joint, INNER], chain[joint, OUTER], unit, mean, deviations)


@inlined
def write_features(
    chain: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    features: np.ndarray,
    first: int,
    stride: int,
) -> None:
    """Write the features of a joint's state, whose arc is known; the k-th to first + k stride."""
    of = scale_of(chain, joint)
    write_features_of_position(of, x, y, on, features, first, stride)
    if chain[0, POSE] > 0.0:
        write_features_of_heading(of, x, y, heading, features, first, stride)
    if cut_by_limits(chain, len(features) // stride):
        write_features_of_limits(chain, joint, x, y, on, features, first, stride)


@inner
def write_features_of_position(
    of: Scale, x: float, y: float, on: Arc, features: np.ndarray, first: int, stride: int
) -> None:
    """Write the features that states of every arm have."""
    distance, bearing = math.sqrt(x * x + y * y), atan2(y, x)
    slack = max((of.outer - distance) / of.outer, 0.0)
    from_inner = max((distance - of.inner) / of.outer, 0.0)
    root = math.sqrt(slack + LEAST_SQUARE)
    features[first] = distance / of.outer
    features[first + stride] = root
    features[first + 2 * stride] = log(slack + LEAST_SLACK)
    features[first + 3 * stride] = math.sqrt(from_inner)
    features[first + 4 * stride] = log(from_inner + 100.0 * LEAST_SLACK)
    features[first + 5 * stride] = x / (distance + TINY)
    features[first + 6 * stride] = y / (distance + TINY)
    features[first + 7 * stride] = _soft(bearing / root)
    features[first + 8 * stride] = _soft(_wrapped(bearing - of.mean) * of.deviations)
    features[first + 9 * stride] = (on.middle - on.half) / of.unit
    features[first + 10 * stride] = (on.middle + on.half) / of.unit
    features[first + 11 * stride] = x / of.outer
    features[first + 12 * stride] = y / of.outer


@inner
def write_features_of_heading(
    of: Scale, x: float, y: float, heading: float, features: np.ndarray, first: int, stride: int
) -> None:
    """Write the further features of a pose, which are of its heading."""
    turned = _wrapped(heading - atan2(y, x))
    beside = first + FEATURES_OF_POSITIONS * stride
    features[beside], features[beside + stride] = cos_sin(turned)
    features[beside + 2 * stride], features[beside + 3 * stride] = cos_sin(heading)
    features[beside + 4 * stride] = _soft(_wrapped(heading) * of.deviations)
    features[beside + 5 * stride] = _soft(turned * of.deviations)


@inner
def _uncut(chain: np.ndarray) -> int:
    """How many features there are where no limits cut slots."""
    return FEATURES_OF_POSES if chain[0, POSE] > 0.0 else FEATURES_OF_POSITIONS


@inner
def cut_by_limits(chain: np.ndarray, count: int) -> bool:
    """Whether there are features of limits among so many."""
    return count > _uncut(chain)


@inner
def write_features_of_limits(
    chain: np.ndarray,
    joint: int,
    x: float,
    y: float,
    on: Arc,
    features: np.ndarray,
    first: int,
    stride: int,
) -> None:
    """Write the further features where limits cut slots: the distance between its bounds, and the
    ends of each slot."""
    nearest, farthest = bounds_at(chain, joint, atan2(y, x))
    distance, width = math.sqrt(x * x + y * y), farthest - nearest + TINY
    count, beside = len(features) // stride, _uncut(chain)
    features[first + beside * stride] = (distance - nearest) / width
    root = math.sqrt(max(farthest - distance, 0.0) / width)
    features[first + (beside + 1) * stride] = root
    beside += FEATURES_OF_BOUNDS
    for slot in range((count - beside) // 2):
        low, high = 0.0, 0.0
        if slot < int(chain[joint, SLOTS]):  # other joints may have more
            low, high = segment(chain, joint, slot, on, x, y)
        features[first + (beside + 2 * slot) * stride] = low
        features[first + (beside + 2 * slot + 1) * stride] = high
