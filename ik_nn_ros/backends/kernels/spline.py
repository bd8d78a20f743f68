"""zuko's rational-quadratic spline couplings (Durkan et al. 2019, arXiv 1906.04032)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.arithmetic import exp
from ik_nn_ros.backends.kernels.layers import MLP, Weights, mlp
from ik_nn_ros.compilation import compiled

if TYPE_CHECKING:
    from ik_nn_ros.models.architectures import Tensors

# The defaults of zuko's MonotonicRQSTransform.
BOUND = np.float32(5.0)  # the splines map [-BOUND, BOUND] onto itself, and leave the rest alone
LOG_SLOPE = np.float32(math.log(1e3))  # soft bound of |log slope| at a knot
LOG_SIZE = np.float32(0.5 * math.log(1e3))  # and of the logarithms of a bin's width and height

ZERO, ONE, TWO, FOUR = (np.float32(number) for number in (0.0, 1.0, 2.0, 4.0))


class SplineCoupling(NamedTuple):
    """Moves some features by splines whose shapes a network reads off the others and the context.

    Attributes:
        moved: the features that it moves.
        weights, biases: of the network, see `layers.MLP`.
        bins: of each spline.
    """

    moved: np.ndarray
    weights: Weights
    biases: Weights
    bins: int

    @classmethod
    def of(cls, tensors: Tensors, prefix: str, bins: int) -> SplineCoupling:
        """A `GeneralCouplingTransform` of `MonotonicRQSTransform`.

        Args:
            tensors: of a trained model.
            prefix: of the names of those that are meant.
            bins: of each spline.
        """
        mask = tensors[f"{prefix}.mask"]
        shapes = MLP(tensors, f"{prefix}.hyper")
        # The network gets all features, those that are moved with weight zero.
        first, *others = shapes.weights
        read = np.flatnonzero(np.concatenate((mask, np.ones(first.shape[1] - mask.sum(), bool))))
        padded = np.zeros((len(first), read[-1] + 1), dtype=np.float32)
        padded[:, read] = first
        return cls(np.flatnonzero(~mask), (padded, *others), shapes.biases, bins)


class _Bins(NamedTuple):
    """The bin of a spline that each of m values lies in; (m,) each.

    Attributes:
        within: the value's way from the bin's start, along the coordinate of the search.
        start: the bin's start along the other coordinate.
        size, other_size: of the bin along the one and the other.
        first_slope, last_slope: of the spline where the bin starts and ends.
    """

    within: np.ndarray
    start: np.ndarray
    size: np.ndarray
    other_size: np.ndarray
    first_slope: np.ndarray
    last_slope: np.ndarray


@compiled
def _inside(value: np.float32) -> bool:
    return (value > -BOUND) & (value <= BOUND)


@compiled
def inverse(values: np.ndarray, coupling: SplineCoupling) -> None:
    """Undo `forward`, in place, without the density."""
    shapes = mlp(values, coupling.weights, coupling.biases)
    for feature in range(len(coupling.moved)):
        row = values[coupling.moved[feature]]
        widths, heights, slopes = _shape_of(shapes, feature, coupling.bins)
        found = _find(row, heights, widths, slopes)
        for i in range(len(row)):
            width, height, first = found.other_size[i], found.size[i], found.first_slope[i]
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
def forward(values: np.ndarray, log_density: np.ndarray, coupling: SplineCoupling) -> None:
    """Move features, in place.

    Args:
        values: (n + c, m), the features above the context, of a tile.
        log_density: (m,) [nats], to which log |det| is added.
        coupling: by which.
    """
    shapes = mlp(values, coupling.weights, coupling.biases)
    slopes_of_all = np.ones(values.shape[1])  # the product over all features
    for feature in range(len(coupling.moved)):
        row = values[coupling.moved[feature]]
        widths, heights, slopes = _shape_of(shapes, feature, coupling.bins)
        found = _find(row, widths, heights, slopes)
        for i in range(len(row)):
            width, height = found.size[i], found.other_size[i]
            first, last = found.first_slope[i], found.last_slope[i]
            slope = height / width
            z = found.within[i] / width
            rest = ONE - z
            product = z * rest
            denominator = slope + (first + last - TWO * slope) * product
            result = height * (slope * z * z + first * product) / denominator
            scaled = slope / denominator
            inner = TWO * slope * product + first * rest * rest + last * z * z
            inside = _inside(row[i])
            slopes_of_all[i] *= scaled * scaled * inner if inside else ONE
            row[i] = result + found.start[i] if inside else row[i]
    for i in range(len(slopes_of_all)):
        log_density[i] += math.log(slopes_of_all[i])


@compiled
def _shape_of(
    shapes: np.ndarray, feature: int, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one spline, in the network's terms: widths and heights (bins, m) and the slopes at the
    inner knots (bins - 1, m)."""
    start = feature * (3 * bins - 1)
    middle, end = start + bins, start + 2 * bins
    return shapes[start:middle], shapes[middle:end], shapes[end : end + bins - 1]


@compiled
def _find(values: np.ndarray, searched: np.ndarray, other: np.ndarray, slopes: np.ndarray) -> _Bins:
    """The bins of values (m,).

    Args:
        values: those beyond the bound are taken to be there.
        searched: (bins, m) the bins' sizes along the values' own coordinate, in the network's
            terms; overwritten.
        other: along the other one; overwritten.
        slopes: (bins - 1, m) at the inner knots.
    """
    total, other_total = _exponentials(searched), _exponentials(other)
    bins, m = searched.shape
    place, edge, start = np.empty(m, np.float32), np.zeros(m, np.float32), np.zeros(m, np.float32)
    for i in range(m):
        share = values[i] / (TWO * BOUND) + np.float32(0.5)
        place[i] = min(max(share, ZERO), ONE) * total[i]
    # Edge by edge: whatever lies beyond one is in the next bin, or in one that comes later.
    passed_edge, passed_start = np.zeros(m, np.float32), np.zeros(m, np.float32)
    size, other_size = searched[0].copy(), other[0].copy()
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
            size[i] = searched[bin_, i] if beyond else size[i]
            other_size[i] = other[bin_, i] if beyond else other_size[i]
            first[i] = before[i] if beyond else first[i]
            last[i] = after[i] * at_end if beyond else last[i]
    for i in range(m):
        unit, other_unit = TWO * BOUND / total[i], TWO * BOUND / other_total[i]
        place[i] = (place[i] - passed_edge[i]) * unit
        start[i] = passed_start[i] * other_unit - BOUND
        size[i] *= unit
        other_size[i] *= other_unit
        first[i] = exp(_bounded(first[i], LOG_SLOPE))
        last[i] = exp(_bounded(last[i], LOG_SLOPE))
    return _Bins(place, start, size, other_size, first, last)


@compiled
def _exponentials(logarithms: np.ndarray) -> np.ndarray:
    """Sizes (bins, m) of their bounded logarithms, in place; returns their sums (m,)."""
    total = np.zeros(logarithms.shape[1], np.float32)
    for bin_ in range(len(logarithms)):
        row = logarithms[bin_]  # iterating over the array would hide that rows are contiguous
        for i in range(len(row)):
            size = exp(_bounded(row[i], LOG_SIZE))
            row[i] = size
            total[i] += size
    return total


@compiled
def _bounded(x: np.float32, bound: np.float32) -> np.float32:
    return x / (ONE + abs(x / bound))
