"""The region that re-simulated TCPs fill (Figs. 4 and 5 of the paper)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull, QhullError

HULL_SHARE = 0.97
POINT_SIZE = 1e-9  # [arm's units], below which TCPs are one point: their spread is rounding


class TcpHull(NamedTuple):
    """The convex hull of the TCPs nearest to their target.

    Attributes:
        corners: (c, 2) [m], counterclockwise; two where the TCPs lie on a line, one where they are
            in one place.
        area: [m^2].
        perimeter: [m]; the paper prints it as the area.
    """

    corners: np.ndarray
    area: float
    perimeter: float


def tcp_hull(tcp: np.ndarray, target: np.ndarray, unit: float = 1.0) -> TcpHull:
    """The hull of the 97 % of the TCPs (n, 2) [m] that are nearest to the target (2,) [m].

    ``unit`` [m] is the arm's, see `PlanarArm.unit`.
    """
    distance = np.linalg.norm(tcp - target, axis=1)
    return convex_hull(tcp[distance <= np.quantile(distance, HULL_SHARE)], unit)


def convex_hull(points: np.ndarray, unit: float = 1.0) -> TcpHull:
    """The hull of all points (n, 2) [m], n > 0; see `tcp_hull`."""
    if np.ptp(points, axis=0).max() < POINT_SIZE * unit:
        return TcpHull(points[:1], area=0.0, perimeter=0.0)
    try:
        hull = ConvexHull(points)
    except QhullError:  # two points, or more on a line
        ends = points[np.lexsort(points.T[::-1])[[0, -1]]]
        return TcpHull(ends, area=0.0, perimeter=2.0 * float(np.linalg.norm(ends[1] - ends[0])))
    # In two dimensions SciPy's "area" is the hull's boundary, its "volume" the hull itself.
    return TcpHull(points[hull.vertices], area=float(hull.volume), perimeter=float(hull.area))
