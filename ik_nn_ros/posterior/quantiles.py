"""Quantile functions as monotone splines over knots that are denser towards both ends.

A knot at v has the level v^2 / (v^2 + (1 - v)^2), so that quantiles near the end of an interval,
where densities begin at zero, are smooth over v. Between knots the quantile is a rational quadratic
(Gregory and Delbourgo 1982), which given rates keep monotone.
"""

from __future__ import annotations

import math

import numpy as np

from ik_nn_ros.compilation import inlined, plain
from ik_nn_ros.posterior.conditional import NODES
from ik_nn_ros.posterior.densities import BEGIN, END, quantile

KNOTS = 17  # of each quantile function
STEP = 1.0 / (KNOTS - 1)
LEAST_RATE = 1e-6  # a quantile function rises, however little


@inlined
def level_of_knot(v: float) -> tuple[float, float]:
    """The share of mass below a knot, and its rate."""
    first, last = v * v, (1.0 - v) * (1.0 - v)
    both = first + last
    return first / both, 2.0 * v * (1.0 - v) / (both * both)


@inlined
def knot_of_level(share: float) -> float:
    """The inverse of `level_of_knot`."""
    first, last = math.sqrt(share), math.sqrt(1.0 - share)
    return first / (first + last)


@plain
def tabulate(found: np.ndarray, slot: int, quantiles: np.ndarray, entry: int) -> None:
    """Write a slot's quantile function: places in [0, 1] of its interval, and their rates by v.

    It begins and ends with the interval, whatever of it has mass, so that nothing is left out
    beside the nodes. The rates at both ends are such that it is right halfway to the next knot.
    """
    begin, width = found[slot, BEGIN], found[slot, END] - found[slot, BEGIN]
    quantiles[entry, 0, 0], quantiles[entry, KNOTS - 1, 0] = 0.0, 1.0
    for knot in range(1, KNOTS - 1):
        share, rate = level_of_knot(knot * STEP)
        u, density = quantile(found, slot, NODES, share)
        quantiles[entry, knot, 0] = (u - begin) / width
        quantiles[entry, knot, 1] = max(rate / (density * width), LEAST_RATE)
    for end, beside in ((0, 1), (KNOTS - 1, KNOTS - 2)):
        share, _ = level_of_knot(0.5 * STEP if end == 0 else 1.0 - 0.5 * STEP)
        u, _ = quantile(found, slot, NODES, share)
        whole = quantiles[entry, beside, 0] - quantiles[entry, end, 0]
        part = ((u - begin) / width - quantiles[entry, end, 0]) / whole
        part = min(max(part, 0.0), 1.0 - LEAST_RATE)
        slope = abs(whole) / STEP
        rate = (part * (2.0 * slope + quantiles[entry, beside, 1]) - slope) / (1.0 - part)
        quantiles[entry, end, 1] = max(rate, LEAST_RATE)


@inlined
def spline(
    left: float, left_rate: float, right: float, right_rate: float, step: float, within: float
) -> tuple[float, float]:
    """The place a share ``within`` of the way from one knot to the next, and its rate by v."""
    rise, across = right - left, within * (1.0 - within)
    slope = rise / step
    below = slope + (left_rate + right_rate - 2.0 * slope) * across
    place = left + rise * (slope * within * within + left_rate * across) / below
    rates = (
        right_rate * within * within
        + 2.0 * slope * across
        + left_rate * (1.0 - within) * (1.0 - within)
    )
    return place, rates * (slope / below) ** 2
