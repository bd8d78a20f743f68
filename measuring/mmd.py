"""Maximum mean discrepancies of two sample sets: the paper's, and a strict one."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

PAPER_KERNEL_WIDTH = 1.2
MMD2_KERNEL_WIDTHS = (0.05, 0.2, 0.8)  # [rad^2]


def mmd_paper(x: np.ndarray, y: np.ndarray) -> float:
    """The paper's statistic: biased, kernel h^2 / (h^2 + d), d the distance, not squared."""
    within_x, within_y, between = (
        (PAPER_KERNEL_WIDTH**2 / (PAPER_KERNEL_WIDTH**2 + cdist(a, b))).mean()
        for a, b in ((x, x), (y, y), (x, y))
    )
    return float(within_x + within_y - 2.0 * between)


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased MMD^2 (Gretton et al. 2008) under a mean of inverse multiquadratic kernels."""
    within = sum(_mean_off_diagonal(_imq(cdist(a, a, "sqeuclidean"))) for a in (x, y))
    return float(within - 2.0 * _imq(cdist(x, y, "sqeuclidean")).mean())


def _imq(squared_distances: np.ndarray) -> np.ndarray:
    kernels = (width / (width + squared_distances) for width in MMD2_KERNEL_WIDTHS)
    return sum(kernels) / len(MMD2_KERNEL_WIDTHS)


def _mean_off_diagonal(kernel: np.ndarray) -> float:
    n = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))
