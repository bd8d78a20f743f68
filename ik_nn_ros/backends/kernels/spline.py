"""zuko's rational-quadratic spline couplings (Durkan et al. 2019, arXiv 1906.04032)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.compiler import compiled, exp
from ik_nn_ros.backends.kernels.layers import MLP, Weights, mlp

if TYPE_CHECKING:
    from ik_nn_ros.models.architectures import Tensors

# The defaults of zuko's MonotonicRQSTransform.
BOUND = np.float32(5.0)  # the splines map [-BOUND, BOUND] onto itself, and leave the rest alone
LOG_SLOPE = np.float32(math.log(1e3))  # soft bound of |log slope| at a knot
LOG_SIZE = np.float32(0.5 * math.log(1e3))  # and of the logarithms of a bin's width and height

ZERO, ONE, TWO, FOUR = (np.float32(number) for number in (0.0, 1.0, 2.0, 4.0))
WIDTHS, HEIGHTS = 0, 1


class SplineCoupling:
    """Moves some features by splines whose shapes a network reads off the others and the context.

    Args:
        tensors: of a trained model.
        prefix: of the names of a `GeneralCouplingTransform` of `MonotonicRQSTransform`.
        bins: of each spline.
    """

    def __init__(self, tensors: Tensors, prefix: str, bins: int) -> None:
        mask = tensors[f"{prefix}.mask"]
        self._moved = np.flatnonzero(~mask)
        self._bins = bins
        shapes = MLP(tensors, f"{prefix}.hyper")
        # The network gets all features, those that are moved with weight zero.
        first, *others = shapes.weights
        read = np.flatnonzero(np.concatenate((mask, np.ones(first.shape[1] - mask.sum(), bool))))
        padded = np.zeros((len(first), read[-1] + 1), dtype=np.float32)
        padded[:, read] = first
        self._weights, self._biases = (padded, *others), shapes.biases

    def inverse(self, values: np.ndarray) -> None:
        """Undo `forward`, in place, without the density."""
        _inverse(values, self._moved, self._weights, self._biases, self._bins)

    def forward(self, values: np.ndarray, log_density: np.ndarray) -> None:
        """Move the features of values, in place.

        Args:
            values: (n + c, m), the features above the context.
            log_density: (m,) [nats], to which log |det| is added.
        """
        _forward(values, log_density, self._moved, self._weights, self._biases, self._bins)


class _Bins(NamedTuple):
    """The bin of a spline that each of m values lies in; (m,) each."""

    within: np.ndarray  # the value's way from the bin's start, in the coordinate of the search
    start: np.ndarray  # the bin's start in the other coordinate
    width: np.ndarray
    height: np.ndarray
    first_slope: np.ndarray
    last_slope: np.ndarray


@compiled
def _inside(value: np.float32) -> bool:
    return (value > -BOUND) & (value <= BOUND)


@compiled
def _inverse(
    values: np.ndarray, moved: np.ndarray, weights: Weights, biases: Weights, bins: int
) -> None:
    shapes = mlp(values, weights, biases)
    for feature in range(len(moved)):
        row = values[moved[feature]]
        found = _find(_shape_of(shapes, feature, bins), row, bins, HEIGHTS)
        for i in range(len(row)):
            width, height, first = found.width[i], found.height[i], found.first_slope[i]
            slope = height / width
            bend = (first + found.last_slope[i] - TWO * slope) * found.within[i]
            # The quadratic's coefficients, the last one negated.
            a = height * (slope - first) + bend
            b = height * first - bend
            c = slope * found.within[i]
            root = b + math.sqrt(FOUR * a * c + b * b)
            result = TWO * c / root * width + found.start[i]
            row[i] = result if _inside(row[i]) else row[i]


@compiled
def _forward(
    values: np.ndarray,
    log_density: np.ndarray,
    moved: np.ndarray,
    weights: Weights,
    biases: Weights,
    bins: int,
) -> None:
    shapes = mlp(values, weights, biases)
    slopes = np.ones(values.shape[1])  # the product over all features
    for feature in range(len(moved)):
        row = values[moved[feature]]
        found = _find(_shape_of(shapes, feature, bins), row, bins, WIDTHS)
        for i in range(len(row)):
            first, last = found.first_slope[i], found.last_slope[i]
            slope = found.height[i] / found.width[i]
            z = found.within[i] / found.width[i]
            rest = ONE - z
            product = z * rest
            denominator = slope + (first + last - TWO * slope) * product
            result = found.height[i] * (slope * z * z + first * product) / denominator
            scaled = slope / denominator
            inner = TWO * slope * product + first * rest * rest + last * z * z
            inside = _inside(row[i])
            slopes[i] *= scaled * scaled * inner if inside else ONE
            row[i] = result + found.start[i] if inside else row[i]
    for i in range(len(slopes)):
        log_density[i] += math.log(slopes[i])


@compiled
def _shape_of(shapes: np.ndarray, feature: int, bins: int) -> np.ndarray:
    """Of one spline: all bins' widths, then their heights, then the inner knots' slopes."""
    size = 3 * bins - 1
    return shapes[feature * size : (feature + 1) * size]


@compiled
def _find(shape: np.ndarray, values: np.ndarray, bins: int, along: int) -> _Bins:
    """The bins of values (m,), searched by their widths or by their heights.

    Args:
        shape: (3 bins - 1, m) of the splines, in the network's terms; overwritten.
        values: those beyond the bound are taken to be there.
        bins: how many there are.
        along: WIDTHS or HEIGHTS.
    """
    widths, heights, slopes = shape[:bins], shape[bins : 2 * bins], shape[2 * bins :]
    total_width, total_height = _exponentials(widths), _exponentials(heights)
    searched, total = (widths, total_width) if along == WIDTHS else (heights, total_height)
    other = heights if along == WIDTHS else widths
    m = len(values)
    place, edge, start = np.empty(m, np.float32), np.zeros(m, np.float32), np.zeros(m, np.float32)
    for i in range(m):
        share = values[i] / (TWO * BOUND) + np.float32(0.5)
        place[i] = min(max(share, ZERO), ONE) * total[i]
    # Edge by edge: whatever lies beyond one is in the next bin, or in one that comes later.
    passed_edge, passed_start = np.zeros(m, np.float32), np.zeros(m, np.float32)
    width, height = widths[0].copy(), heights[0].copy()
    first, last = np.zeros(m, np.float32), slopes[0].copy()
    for bin_ in range(1, bins):
        before, after = slopes[bin_ - 1], slopes[min(bin_, bins - 2)]
        at_end = ZERO if bin_ == bins - 1 else ONE  # where all bins end the slope is one
        for i in range(m):
            edge[i] += searched[bin_ - 1, i]
            start[i] += other[bin_ - 1, i]
            beyond = place[i] > edge[i]
            passed_edge[i] = edge[i] if beyond else passed_edge[i]
            passed_start[i] = start[i] if beyond else passed_start[i]
            width[i] = widths[bin_, i] if beyond else width[i]
            height[i] = heights[bin_, i] if beyond else height[i]
            first[i] = before[i] if beyond else first[i]
            last[i] = after[i] * at_end if beyond else last[i]
    for i in range(m):
        width_unit, height_unit = TWO * BOUND / total_width[i], TWO * BOUND / total_height[i]
        unit, other_unit = (
            (width_unit, height_unit) if along == WIDTHS else (height_unit, width_unit)
        )
        place[i] = (place[i] - passed_edge[i]) * unit
        start[i] = passed_start[i] * other_unit - BOUND
        width[i] *= width_unit
        height[i] *= height_unit
        first[i] = exp(_bounded(first[i], LOG_SLOPE))
        last[i] = exp(_bounded(last[i], LOG_SLOPE))
    return _Bins(place, start, width, height, first, last)


@compiled
def _exponentials(logarithms: np.ndarray) -> np.ndarray:
    """Sizes (bins, m) of their bounded logarithms, in place; returns their sums (m,)."""
    total = np.zeros(logarithms.shape[1], np.float32)
    for bin_ in range(len(logarithms)):
        row = logarithms[
            bin_
        ]  # iterating over the array itself would hide that rows are contiguous
        for i in range(len(row)):
            size = exp(_bounded(row[i], LOG_SIZE))
            row[i] = size
            total[i] += size
    return total


@compiled
def _bounded(x: np.float32, bound: np.float32) -> np.float32:
    return x / (ONE + abs(x / bound))
