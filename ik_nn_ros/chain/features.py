"""What a network of the conditionals sees of a state: coordinates in which they vary smoothly.

Polar ones: of the remaining target its distance, also as roots and logarithms of what is left to
both ends of the reach, and its bearing, also in units of how near the arm is to full reach and of
the joint's deviation; the arc that the rest of the chain leaves; of a pose its heading, from the
axis and from the bearing. Where limits cut slots: how far the distance is between its bounds at
that bearing, and the ends of the slots.
"""

from __future__ import annotations

import math

import numpy as np

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
from ik_nn_ros.chain.states import TINY, Arc, bounds_at, segment
from ik_nn_ros.compilation import inlined

LEAST_SLACK = 1e-5  # of the reach, so that logarithms end
LEAST_SQUARE = 1e-9  # of a root that something is divided by
LEAST_PRECISION = 0.1  # [1 / joint's unit^2]: of a uniform prior it is 0
SOFTNESS = 0.2  # of how many units a coordinate without bounds is worth at the most, the inverse


@inlined
def _soft(value: float) -> float:
    return value / (1.0 + SOFTNESS * abs(value))


@inlined
def _wrapped(angle: float) -> float:
    return angle - TURN * math.floor(angle / TURN + 0.5)


@inlined
def write_features(
    chain: np.ndarray,
    joint: int,
    x: float,
    y: float,
    heading: float,
    on: Arc,
    features: np.ndarray,
    row: int,
) -> None:
    """Write those of a joint's state, whose arc is known, to a row of features (m, f)."""
    inner, outer = chain[joint, INNER], chain[joint, OUTER]
    distance = math.sqrt(x * x + y * y)
    bearing = math.atan2(y, x)
    slack = max((outer - distance) / outer, 0.0)
    from_inner = max((distance - inner) / outer, 0.0)
    root = math.sqrt(slack + LEAST_SQUARE)
    unit = chain[joint, UNIT]
    deviations = math.sqrt(max(chain[joint, PRECISION] * unit * unit, LEAST_PRECISION))
    features[row, 0] = distance / outer
    features[row, 1] = root
    features[row, 2] = math.log(slack + LEAST_SLACK)
    features[row, 3] = math.sqrt(from_inner)
    features[row, 4] = math.log(from_inner + 100.0 * LEAST_SLACK)
    features[row, 5] = x / (distance + TINY)
    features[row, 6] = y / (distance + TINY)
    features[row, 7] = _soft(bearing / root)
    features[row, 8] = _soft(_wrapped(bearing - chain[joint, MEAN] / unit) * deviations)
    features[row, 9] = (on.middle - on.half) / unit
    features[row, 10] = (on.middle + on.half) / unit
    features[row, 11] = x / outer
    features[row, 12] = y / outer
    if chain[0, POSE] > 0.0:
        turned = _wrapped(heading - bearing)
        features[row, 13], features[row, 14] = math.cos(turned), math.sin(turned)
        features[row, 15], features[row, 16] = math.cos(heading), math.sin(heading)
        features[row, 17] = _soft(_wrapped(heading) * deviations)
        features[row, 18] = _soft(turned * deviations)
    column = FEATURES_OF_POSES if chain[0, POSE] > 0.0 else FEATURES_OF_POSITIONS
    if features.shape[1] > column:
        nearest, farthest = bounds_at(chain, joint, bearing)
        width = farthest - nearest + TINY
        features[row, column] = (distance - nearest) / width
        features[row, column + 1] = math.sqrt(max(farthest - distance, 0.0) / width)
        first = column + FEATURES_OF_BOUNDS
        for slot in range((features.shape[1] - first) // 2):
            low, high = 0.0, 0.0
            if slot < int(chain[joint, SLOTS]):  # other joints may have more
                low, high = segment(chain, joint, slot, on)
            features[row, first + 2 * slot], features[row, first + 2 * slot + 1] = low, high
