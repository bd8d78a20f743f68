"""The region that re-simulated TCPs fill (Figs. 4 and 5 of the paper)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull

HULL_SHARE = 0.97
POINT_SIZE = 1e-9  # [m], below which TCPs are one point: their spread is rounding


class TcpHull(NamedTuple):
    """The convex hull of the TCPs nearest to their target.

    Attributes:
        corners: (c, 2) [m], counterclockwise.
        area: [m^2].
        perimeter: [m]; the paper prints it as the area.
    """

    corners: np.ndarray
    area: float
    perimeter: float


def tcp_hull(tcp: np.ndarray, target: np.ndarray) -> TcpHull:
    """The hull of the 97 % of the TCPs (n, 2) [m] that are nearest to the target (2,) [m]."""
    distance = np.linalg.norm(tcp - target, axis=1)
    nearest = tcp[distance <= np.quantile(distance, HULL_SHARE)]
    if np.ptp(nearest, axis=0).max() < POINT_SIZE:
        return TcpHull(nearest[:1], area=0.0, perimeter=0.0)
    hull = ConvexHull(nearest)
    # In two dimensions SciPy's "area" is the hull's boundary, its "volume" the hull itself.
    return TcpHull(nearest[hull.vertices], area=float(hull.volume), perimeter=float(hull.area))
