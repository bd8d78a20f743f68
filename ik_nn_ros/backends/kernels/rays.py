"""`RayChart`'s directions to configurations, and the volumes there, in float64."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.base_joint import RevoluteBase
from ik_nn_ros.backends.kernels.arithmetic import TILE, cos_sin
from ik_nn_ros.compilation import compiled
from ik_nn_ros.ray_chart import BESIDE, MAX_CHANGE, MAX_ITERATIONS, TINY, RayChart

LAST_CHANGE = 1e-6  # of rho: what a straight line misses after it is some 1e-12 m


class Rays:
    """See `RayChart`, whose results these are but for roundings.

    Args:
        chart: an arm's rays.
    """

    def __init__(self, chart: RayChart) -> None:
        self._chart = chart
        lengths = np.array(chart.arm.link_lengths)
        self._links = _RayLinks(
            isinstance(chart.arm.base_joint, RevoluteBase),
            float(lengths[: -chart.dimension].sum()),
            lengths[-chart.dimension :],
            float(lengths.sum()),
        )

    def targets(self, targets: np.ndarray) -> RayTargets:
        """What the rest needs to know of targets (u, 2) [m]."""
        base = self._chart.arm.base_joint
        # Contiguous, as all machine code is compiled for.
        distance, coordinate = map(np.ascontiguousarray, base.coordinates(targets))
        with np.errstate(divide="ignore"):  # at the origin bearings mean nothing
            log_area = base.log_area(distance)
        return RayTargets(distance, coordinate, self._chart.log_det - log_area)

    def solve(self, vectors: np.ndarray, targets: RayTargets, which: np.ndarray) -> np.ndarray:
        """Configurations (m, dof) [rad] in the directions of vectors (n, m).

        Args:
            vectors: of any length.
            targets: of u targets.
            which: (m,) the number of each vector's.
        """
        return _solve(vectors, targets, which, self._links, self._chart.to_joints)

    def volumes(
        self, positions: np.ndarray, targets: RayTargets, which: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Directions (m, n) of configurations (m, dof), and log volumes (m,) there [nats].

        Args:
            positions: [rad].
            targets: of u targets.
            which: (m,) the number of each configuration's.
        """
        return _volumes(positions, targets, which, self._links, self._chart.from_joints)


class RayTargets(NamedTuple):
    """What rays have to know of their targets; (u,) each.

    Attributes:
        distance: from the base [m].
        coordinate: the other one [rad], or [m] on a rail; see `BaseJoint.coordinates`.
        offset: what all log volumes of a target have in common [nats].
    """

    distance: np.ndarray
    coordinate: np.ndarray
    offset: np.ndarray


class _RayLinks(NamedTuple):
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


class _Points(NamedTuple):
    """Where rays are with the base joint at zero; (m,) each.

    Attributes:
        x, y: the TCP [m].
        x_rate, y_rate: its change with rho.
        distance, slope, curve: the TCP's distance [m] and its derivatives by rho.
    """

    x: np.ndarray
    y: np.ndarray
    x_rate: np.ndarray
    y_rate: np.ndarray
    distance: np.ndarray
    slope: np.ndarray
    curve: np.ndarray


@compiled
def _along(rho: np.ndarray, headings: np.ndarray, links: _RayLinks) -> _Points:
    m = len(rho)
    x, x_rate, x_curve = np.full(m, links.fixed), np.zeros(m), np.zeros(m)
    y, y_rate, y_curve = np.zeros(m), np.zeros(m), np.zeros(m)
    for j in range(len(headings)):
        of_link = headings[j]
        for i in range(m):
            heading = of_link[i]
            cosine, sine = cos_sin(rho[i] * heading)
            cosine *= links.lengths[j]
            sine *= links.lengths[j]
            x[i] += cosine
            y[i] += sine
            x_rate[i] -= sine * heading
            y_rate[i] += cosine * heading
            x_curve[i] -= cosine * heading * heading
            y_curve[i] -= sine * heading * heading
    if not links.revolute:
        return _Points(x, y, x_rate, y_rate, x, x_rate, x_curve)
    distance, slope, curve = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        distance[i] = math.sqrt(x[i] * x[i] + y[i] * y[i])
        slope[i] = (x[i] * x_rate[i] + y[i] * y_rate[i]) / distance[i]
        bend = x_rate[i] * x_rate[i] + y_rate[i] * y_rate[i] + x[i] * x_curve[i] + y[i] * y_curve[i]
        curve[i] = (bend - slope[i] * slope[i]) / distance[i]
    return _Points(x, y, x_rate, y_rate, distance, slope, curve)


@compiled
def _crossings(
    headings: np.ndarray, distance: np.ndarray, links: _RayLinks
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rho (m,) where rays have their distances, or where most others have it if one never does;
    and the TCPs there [m], with the base joint at zero."""
    m = len(distance)
    start, x, y = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        start[i] = math.sqrt(2.0 * max(links.reach - distance[i], 0.0))
    rho, last = start.copy(), np.full(m, math.inf)
    for iteration in range(MAX_ITERATIONS + 1):
        moving = 0
        for i in range(m):
            moving += not last[i] <= LAST_CHANGE
            # No crossing has been found after the last step.
            if iteration == MAX_ITERATIONS and not last[i] <= LAST_CHANGE:
                rho[i] = start[i]
        if moving == 0:
            break
        points = _along(rho, headings, links)
        for i in range(m):
            # Halley's method. The slope vanishes with rho: at full reach there is nothing to
            # correct.
            slope = min(points.slope[i], -TINY)
            newton = (distance[i] - points.distance[i]) / slope
            change = newton / max(1.0 + 0.5 * newton * points.curve[i] / slope, 0.5)
            most = MAX_CHANGE * rho[i]
            change = min(max(change, -most), most) if iteration < MAX_ITERATIONS else 0.0
            # What has arrived stays: no ray's answer hangs on those beside it.
            moves = not last[i] <= LAST_CHANGE  # or is NaN
            rho[i] = rho[i] + change if moves else rho[i]
            x[i] = points.x[i] + change * points.x_rate[i] if moves else x[i]
            y[i] = points.y[i] + change * points.y_rate[i] if moves else y[i]
            last[i] = abs(change) if moves else last[i]
    return rho, x, y


@compiled
def _headings(bends: np.ndarray) -> np.ndarray:
    """Of the links (n, m), per rho, by what each joint bends."""
    headings = bends.copy()
    for j in range(1, len(headings)):
        for i in range(headings.shape[1]):
            headings[j, i] += headings[j - 1, i]
    return headings


@compiled
def _solve(
    vectors: np.ndarray,
    targets: RayTargets,
    which: np.ndarray,
    links: _RayLinks,
    to_joints: np.ndarray,
) -> np.ndarray:
    n, m = vectors.shape
    positions = np.empty((m, n + 1))
    for start in range(0, m, TILE):
        of = which[start : start + TILE]
        bends, square = np.zeros((n, len(of))), np.zeros(len(of))
        for j in range(n):
            vector = vectors[j, start : start + TILE]
            for i in range(len(of)):
                square[i] += np.float64(vector[i]) * vector[i]
            for k in range(n):
                for i in range(len(of)):
                    bends[k, i] += vector[i] * to_joints[j, k]
        for k in range(n):
            for i in range(len(of)):
                bends[k, i] /= math.sqrt(square[i])
        rho, x, y = _crossings(_headings(bends), targets.distance[of], links)
        for i in range(len(of)):
            for j in range(n):
                positions[start + i, j + 1] = rho[i] * bends[j, i]
            coordinate = targets.coordinate[of[i]]
            if links.revolute:
                turn = coordinate - math.atan2(y[i], x[i])
                turn -= 2.0 * math.pi * math.floor(turn / (2.0 * math.pi) + 0.5)
                positions[start + i, 0] = turn
            else:
                positions[start + i, 0] = coordinate - y[i]
    return positions


@compiled
def _volumes(
    positions: np.ndarray,
    targets: RayTargets,
    which: np.ndarray,
    links: _RayLinks,
    from_joints: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    m, n = len(positions), positions.shape[1] - 1
    directions, log_volumes = np.empty((m, n), np.float32), np.empty(m)
    for start in range(0, m, TILE):
        of = which[start : start + TILE]
        bends, vectors, square = np.empty((n, len(of))), np.zeros((n, len(of))), np.zeros(len(of))
        for j in range(n):
            for i in range(len(of)):
                bends[j, i] = positions[start + i, j + 1]
        for j in range(n):
            for k in range(n):
                for i in range(len(of)):
                    vectors[j, i] += bends[k, i] * from_joints[k, j]
            for i in range(len(of)):
                square[i] += vectors[j, i] * vectors[j, i]
        rho = np.sqrt(square)
        divisor = np.maximum(rho, TINY)
        for j in range(n):
            for i in range(len(of)):
                directions[start + i, j] = vectors[j, i] / divisor[i]
                bends[j, i] /= divisor[i]
        points = _along(rho, _headings(bends), links)
        for i in range(len(of)):
            log_volume = -math.inf
            if rho[i] > 0.0:
                log_radius, log_slope = math.log(rho[i]), math.log(abs(points.slope[i]))
                log_volume = targets.offset[of[i]] + (n - 1) * log_radius - log_slope
            beside = abs(points.distance[i] - targets.distance[of[i]]) > BESIDE * links.reach
            log_volumes[start + i] = math.inf if beside else log_volume
    return directions, log_volumes
