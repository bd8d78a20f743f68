"""zuko's rational-quadratic spline couplings in NumPy (Durkan et al. 2019, arXiv 1906.04032)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from ik_nn_ros.backends.array_layers import MLP

# The defaults of zuko's MonotonicRQSTransform.
BOUND = 5.0  # the splines map [-BOUND, BOUND] onto itself; outside they are the identity
LOG_SLOPE = math.log(1e3)  # soft bound of |log slope| at a knot
LOG_SIZE = 0.5 * LOG_SLOPE  # and of the logarithms of a bin's width and height


class _Bins(NamedTuple):
    """The bins that values (m,) lie in; (m,) each. ``within`` is clipped where not ``inside``."""

    inside: np.ndarray
    within: np.ndarray  # the value from the bin's left or lower end, where it is searched
    start: np.ndarray  # the bin's other one, where the result is
    width: np.ndarray
    height: np.ndarray
    first_slope: np.ndarray
    last_slope: np.ndarray


WIDTHS, HEIGHTS = 0, 1


class SplineCoupling:
    """Moves some features by splines whose shapes a network reads off the others and the context.

    Args:
        coupling: a `GeneralCouplingTransform` of `MonotonicRQSTransform`.
        bins: of each spline.
    """

    def __init__(self, coupling: torch.nn.Module, bins: int) -> None:
        mask = coupling.mask.cpu().numpy()
        self._read, self._moved = np.flatnonzero(mask), np.flatnonzero(~mask)
        self._bins = bins
        self._shapes = MLP(coupling.hyper)
        # zuko has each feature's widths, heights and inner slopes in turn; here one bin's widths
        # and heights of all features are neighbours, and the slopes come last.
        rows = np.arange(len(self._moved) * (3 * bins - 1)).reshape(len(self._moved), -1).T
        sizes = rows[: 2 * bins].reshape(2, bins, -1).swapaxes(0, 1)
        order = np.concatenate((sizes.ravel(), rows[2 * bins :].ravel()))
        bounds = np.full((len(order), 1), LOG_SLOPE, dtype=np.float32)
        bounds[: sizes.size] = LOG_SIZE
        self._shapes.weights[-1] = self._shapes.weights[-1][order] / bounds
        self._shapes.biases[-1] = self._shapes.biases[-1][order] / bounds

    def inverse(self, values: np.ndarray, context: np.ndarray) -> None:
        """Undo `forward`, in place."""
        moved = values[self._moved]
        bins = self._find(values, context, moved, HEIGHTS)
        slope = bins.height / bins.width
        bend = bins.first_slope + bins.last_slope
        bend -= 2.0 * slope
        bend *= bins.within
        # The quadratic's coefficients, the last one negated.
        a = bins.height * (slope - bins.first_slope)
        a += bend
        b = bins.height * bins.first_slope
        b -= bend
        c = slope * bins.within
        root = 4.0 * a
        root *= c
        root += b * b
        np.sqrt(root, out=root)
        root += b
        c *= 2.0
        c /= root
        c *= bins.width
        c += bins.start
        values[self._moved] = np.where(bins.inside, c, moved.ravel()).reshape(moved.shape)

    def forward(self, values: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Move values (n, m) in place, given the context (c, m); log |det| (m,) [nats]."""
        moved = values[self._moved]
        bins = self._find(values, context, moved, WIDTHS)
        slope = bins.height / bins.width
        z = bins.within / bins.width
        rest = 1.0 - z
        product = z * rest
        denominator = slope + (bins.first_slope + bins.last_slope - 2.0 * slope) * product
        result = slope * z * z + bins.first_slope * product
        result *= bins.height / denominator
        result += bins.start
        numerator = 2.0 * slope * product + bins.first_slope * rest * rest + bins.last_slope * z * z
        slope /= denominator
        log_slope = np.log(slope * slope * numerator)
        values[self._moved] = np.where(bins.inside, result, moved.ravel()).reshape(moved.shape)
        return np.where(bins.inside, log_slope, 0.0).reshape(moved.shape).sum(0)

    def _find(
        self, values: np.ndarray, context: np.ndarray, moved: np.ndarray, along: int
    ) -> _Bins:
        """The bins of the moved features, searched by their widths or by their heights."""
        shapes = self._shapes(np.concatenate((values[self._read], context)))
        count, size = self._bins, moved.size
        sizes, slopes = np.split(shapes, [2 * count * len(moved)])
        sizes = _bounded_exp(sizes, LOG_SIZE).reshape(count, 2, size)
        edges = np.empty((count + 1, 2, size), dtype=np.float32)
        edges[0] = 0.0
        for index in range(count):
            np.add(edges[index], sizes[index], out=edges[index + 1])

        share = moved.ravel() * (0.5 / BOUND)
        share += 0.5
        inside = (share > 0.0) & (share <= 1.0)
        np.maximum(share, 0.0, out=share)  # np.clip takes longer on few values
        np.minimum(share, 1.0, out=share)
        share *= edges[-1, along]
        bin_ = (share > edges[1:-1, along]).view(np.uint8).sum(0, dtype=np.intp)

        first = bin_ * size + np.arange(size)
        # Of the slopes only those at the ends of the bin count, and where all bins end it is one.
        log_slopes = np.zeros((count + 1, size), dtype=np.float32)
        log_slopes[1:-1] = slopes.reshape(count - 1, size)
        knots = _bounded_exp(log_slopes.ravel().take((first, first + size)), LOG_SLOPE)
        widths = bin_ * size + first
        heights = widths + size
        scale = 2.0 * BOUND / edges[-1]
        edges, sizes = edges.ravel(), sizes.ravel()
        ends = edges.take(widths), edges.take(heights)
        across = HEIGHTS if along == WIDTHS else WIDTHS
        share -= ends[along]
        share *= scale[along]
        return _Bins(
            inside=inside,
            within=share,
            start=ends[across] * scale[across] - BOUND,
            width=sizes.take(widths) * scale[WIDTHS],
            height=sizes.take(heights) * scale[HEIGHTS],
            first_slope=knots[0],
            last_slope=knots[1],
        )


def _bounded_exp(values: np.ndarray, bound: float) -> np.ndarray:
    """exp(x / (1 + |x| / bound)) of x = bound * values, in place."""
    values /= np.abs(values) + 1.0
    values *= bound
    return np.exp(values, out=values)
