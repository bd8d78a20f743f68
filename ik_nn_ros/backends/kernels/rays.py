"""`RayChart`'s directions to configurations, and the volumes there, row by row in float64."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.backends.kernels.compiler import compiled
from ik_nn_ros.base_joint import RevoluteBase
from ik_nn_ros.ray_chart import BESIDE, MAX_CHANGE, MAX_ITERATIONS, RayChart

LAST_CHANGE = 1e-6  # of rho: what a straight line misses after it is some 1e-12 m
TINY = np.finfo(np.float64).tiny


class Rays:
    """See `RayChart`, whose results these are but for roundings.

    Args:
        chart: an arm's rays.
    """

    def __init__(self, chart: RayChart) -> None:
        self._chart = chart
        lengths = np.array(chart.arm.link_lengths)
        self._links = _Links(
            isinstance(chart.arm.base_joint, RevoluteBase),
            float(lengths[: -chart.dimension].sum()),
            lengths[-chart.dimension :],
            float(lengths.sum()),
        )

    def solve(
        self,
        vectors: np.ndarray,
        shift: np.ndarray,
        scale: np.ndarray,
        targets: np.ndarray,
        which: np.ndarray,
    ) -> np.ndarray:
        """Configurations (m, dof) [rad] in the directions of (vectors - shift) * scale.

        Args:
            vectors: (n, m).
            shift, scale: (n, u), of each target.
            targets: (u, 2) [m].
            which: (m,) the place in the others of each vector's.
        """
        distance, coordinate = self._chart.arm.base_joint.coordinates(targets)
        return _solve(
            vectors,
            shift.astype(np.float64),
            scale.astype(np.float64),
            distance,
            coordinate,
            which,
            self._links,
            self._chart.to_joints,
        )

    def volumes(
        self, positions: np.ndarray, targets: np.ndarray, which: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Directions (n, m) of configurations (m, dof), and log volumes (m,) there [nats]."""
        base = self._chart.arm.base_joint
        distance = base.distance(targets)
        with np.errstate(divide="ignore"):  # at the origin bearings mean nothing
            log_area = base.log_area(distance)
        return _volumes(
            np.ascontiguousarray(positions),
            distance,
            self._chart.log_det - log_area,
            which,
            self._links,
            self._chart.from_joints,
        )


class _Links(NamedTuple):
    """The links of an arm.

    Attributes:
        revolute: whether the base joint turns, or is a rail.
        fixed: length that the base joint alone turns [m].
        lengths: (n,) of the other links [m].
        reach: sum of all lengths [m].
    """

    revolute: bool
    fixed: float
    lengths: np.ndarray
    reach: float


class _Point(NamedTuple):
    """Where a ray is with the base joint at zero.

    Attributes:
        x, y: the TCP [m].
        x_rate, y_rate: its change with rho.
        distance, slope, curve: the TCP's distance [m] and its derivatives by rho.
    """

    x: float
    y: float
    x_rate: float
    y_rate: float
    distance: float
    slope: float
    curve: float


@compiled
def _along(rho: float, headings: np.ndarray, links: _Links) -> _Point:
    x, y, x_rate, y_rate, x_curve, y_curve = links.fixed, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(len(headings)):
        heading = headings[j]
        cosine = links.lengths[j] * math.cos(rho * heading)
        sine = links.lengths[j] * math.sin(rho * heading)
        x += cosine
        y += sine
        x_rate -= sine * heading
        y_rate += cosine * heading
        x_curve -= cosine * heading * heading
        y_curve -= sine * heading * heading
    if not links.revolute:
        return _Point(x, y, x_rate, y_rate, x, x_rate, x_curve)
    distance = math.hypot(x, y)
    slope = (x * x_rate + y * y_rate) / distance
    curve = x_rate * x_rate + y_rate * y_rate + x * x_curve + y * y_curve - slope * slope
    return _Point(x, y, x_rate, y_rate, distance, slope, curve / distance)


@compiled
def _crossing(headings: np.ndarray, distance: float, links: _Links) -> tuple[float, float, float]:
    """rho where one ray has its distance, or where most others have it if it never does; and the
    TCP there [m], with the base joint at zero."""
    start = rho = math.sqrt(2.0 * max(links.reach - distance, 0.0))
    for _ in range(MAX_ITERATIONS):
        point = _along(rho, headings, links)
        # Halley's method. The slope vanishes with rho: at full reach there is nothing to correct.
        newton = (distance - point.distance) / min(point.slope, -TINY)
        change = newton / max(1.0 + 0.5 * newton * point.curve / min(point.slope, -TINY), 0.5)
        most = MAX_CHANGE * rho
        change = min(max(change, -most), most)
        rho += change
        if abs(change) <= LAST_CHANGE:
            return rho, point.x + change * point.x_rate, point.y + change * point.y_rate
    point = _along(start, headings, links)
    return start, point.x, point.y


@compiled
def _solve(
    vectors: np.ndarray,
    shift: np.ndarray,
    scale: np.ndarray,
    distance: np.ndarray,
    coordinate: np.ndarray,
    which: np.ndarray,
    links: _Links,
    to_joints: np.ndarray,
) -> np.ndarray:
    n, m = vectors.shape
    positions = np.empty((m, n + 1))
    vector, headings = np.empty(n), np.empty(n)
    for i in range(m):
        target = which[i]
        square = 0.0
        for j in range(n):
            vector[j] = (vectors[j, i] - shift[j, target]) * scale[j, target]
            square += vector[j] * vector[j]
        norm, heading = math.sqrt(square), 0.0
        for j in range(n):
            bend = 0.0
            for k in range(n):
                bend += vector[k] * to_joints[k, j]
            positions[i, j + 1] = bend / norm
            heading += bend / norm
            headings[j] = heading
        rho, x, y = _crossing(headings, distance[target], links)
        for j in range(n):
            positions[i, j + 1] *= rho
        if links.revolute:
            turn = coordinate[target] - math.atan2(y, x)
            positions[i, 0] = turn - 2.0 * math.pi * math.floor(turn / (2.0 * math.pi) + 0.5)
        else:
            positions[i, 0] = coordinate[target] - y
    return positions


@compiled
def _volumes(
    positions: np.ndarray,
    distance: np.ndarray,
    offset: np.ndarray,
    which: np.ndarray,
    links: _Links,
    from_joints: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    m, n = len(positions), positions.shape[1] - 1
    directions, log_volumes = np.empty((n, m), np.float32), np.empty(m)
    vector, headings = np.empty(n), np.empty(n)
    for i in range(m):
        square = heading = 0.0
        for j in range(n):
            vector[j] = 0.0
            for k in range(n):
                vector[j] += positions[i, k + 1] * from_joints[k, j]
            square += vector[j] * vector[j]
        rho = math.sqrt(square)
        for j in range(n):
            directions[j, i] = vector[j] / rho
            heading += positions[i, j + 1] / rho
            headings[j] = heading
        point = _along(rho, headings, links)
        log_volumes[i] = offset[which[i]] + (n - 1) * math.log(rho) - math.log(abs(point.slope))
        if abs(point.distance - distance[which[i]]) > BESIDE * links.reach:
            log_volumes[i] = math.inf
    return directions, log_volumes
