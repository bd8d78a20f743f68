"""Solutions as RViz markers: one namespace for each thing that can be switched off."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_ros.hull import tcp_hull
from ik_nn_ros.kinematics import PlanarArm
from ik_nn_ros.solver import Solutions

DENSITY_CLASSES = 4  # a colour for each arm would take three times as long to publish
LEAST_ALPHA, MOST_ALPHA = 0.05, 0.8
VISIBLE_ARMS = 20  # so many opaque arms' worth of ink, shared among all
OUTLINE_CORNERS = 129
LAYER = 0.005  # [m], between things that lie over each other when seen from above


@dataclass(frozen=True)
class Style:
    """How a kind of thing looks.

    Attributes:
        kind: the marker's type.
        color: red, green, blue.
        size: width of lines, diameter of points, height of letters [m].
        layer: things of a higher one lie over those of a lower one.
    """

    kind: int
    color: tuple[float, float, float]
    size: float
    layer: int


STYLES = {
    "reach": Style(Marker.LINE_STRIP, (0.55, 0.55, 0.55), 0.01, 0),
    "posterior": Style(Marker.LINE_LIST, (0.13, 0.40, 0.67), 0.006, 0),
    "best": Style(Marker.LINE_STRIP, (0.95, 0.55, 0.10), 0.03, 1),
    "joints": Style(Marker.SPHERE_LIST, (0.70, 0.35, 0.05), 0.05, 2),
    "hull": Style(Marker.LINE_STRIP, (0.10, 0.50, 0.20), 0.01, 3),
    "tcp": Style(Marker.POINTS, (0.20, 0.70, 0.30), 0.012, 3),
    "target": Style(Marker.SPHERE, (0.80, 0.10, 0.15), 0.08, 0),
    "label": Style(Marker.TEXT_VIEW_FACING, (0.55, 0.55, 0.55), 0.14, 4),
}


class PointPool:
    """Points that are used again: for a thousand arms, making them takes longer than drawing."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._used = 0

    def restart(self) -> None:
        """Take all points back."""
        self._used = 0

    def take(self, positions: np.ndarray) -> list[Point]:
        """Points that nobody has, set to positions (..., 2) [m] one after the other."""
        # Two lists of numbers: a list for each point would set off the garbage collector.
        x, y = positions.reshape(-1, 2).T.tolist()
        start, self._used = self._used, self._used + len(x)
        self._points.extend(Point() for _ in range(self._used - len(self._points)))
        points = self._points[start : self._used]
        for point, px, py in zip(points, x, y, strict=True):
            point.x = px
            point.y = py
        return points


def posterior_markers(
    arm: PlanarArm,
    solutions: Solutions,
    label: str,
    frame: str,
    max_arms: int,
    pool: PointPool,
) -> MarkerArray:
    """All arms, the best one, its joints, the TCPs and their hull, the target, the reach, a label.

    Args:
        arm: the arm solved for.
        solutions: at least one; of more than ``max_arms``, evenly spread ones are drawn.
        label: a line of text.
        frame: the arm's base frame.
        max_arms: bounds the work here and in RViz.
        pool: what everything is drawn with; the array is valid until the pool's next use.
    """
    pool.restart()
    drawn = _evenly_spread(len(solutions), max_arms)
    chains = arm.joint_positions(solutions.positions[drawn])
    densities = solutions.log_densities
    tcps = chains[:, -1]
    hull = _closed(tcp_hull(tcps, solutions.target).corners)
    markers = [
        Marker(action=Marker.DELETEALL),
        *_reach(arm, frame, pool),
        *_arms(chains, None if densities is None else densities[drawn], frame, pool),
        _marker("best", frame, pool.take(chains[0])),
        _marker("joints", frame, pool.take(chains[0])),
        _marker("tcp", frame, pool.take(tcps)),
        _marker("hull", frame, pool.take(hull)),
        _at(_marker("target", frame), *solutions.target.tolist()),
        _label(label, arm, frame),
    ]
    return MarkerArray(markers=markers)


def _arms(
    chains: np.ndarray, log_densities: np.ndarray | None, frame: str, pool: PointPool
) -> list[Marker]:
    """One line list; with densities one for each class of them, the likelier the more opaque."""
    if log_densities is None:
        classes, weights = [chains], [1.0]
    else:
        count = min(DENSITY_CLASSES, len(chains))  # RViz refuses a marker without points
        classes = np.array_split(chains[np.argsort(log_densities)], count)
        weights = np.linspace(0.0, 2.0, count + 1)[1:]
    markers = []
    for index, (members, weight) in enumerate(zip(classes, weights, strict=True)):
        marker = _marker("posterior", frame, _links(members, pool))
        marker.id = index
        ink = weight * VISIBLE_ARMS / len(chains)
        marker.color.a = float(np.clip(ink, LEAST_ALPHA * weight, MOST_ALPHA))
        markers.append(marker)
    return markers


def _links(chains: np.ndarray, pool: PointPool) -> list[Point]:
    """Both ends of every link of chains (n, dof + 1, 2) [m]: all first links, all second ones, ...

    The end of a link is the same Point as the start of the next: almost half as many are set.
    """
    points = pool.take(chains.swapaxes(0, 1))
    starts, ends = points[: -len(chains)], points[len(chains) :]
    return list(chain.from_iterable(zip(starts, ends, strict=True)))


def _reach(arm: PlanarArm, frame: str, pool: PointPool) -> list[Marker]:
    """Where the arm's reach ends: a circle, another one around a hole; on a rail two lines."""
    markers = []
    for distance in arm.reach:
        if distance != 0.0:
            outline = arm.base_joint.outline(distance, arm.reach[1], OUTLINE_CORNERS)
            marker = _marker("reach", frame, pool.take(outline))
            marker.id = len(markers)
            markers.append(marker)
    return markers


def _label(text: str, arm: PlanarArm, frame: str) -> Marker:
    """The text above the reach."""
    marker = _marker("label", frame)
    marker.text = text
    return _at(marker, 0.0, arm.reach[1] + 2.0 * STYLES["label"].size)


def _marker(namespace: str, frame: str, points: list[Point] | None = None) -> Marker:
    style = STYLES[namespace]
    red, green, blue = style.color
    # Stamp 0: a latched marker is valid at any time.
    marker = Marker(ns=namespace, type=style.kind, color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.frame_id = frame
    marker.scale = Vector3(x=style.size, y=style.size, z=style.size)
    marker.pose.position.z = style.layer * LAYER
    marker.pose.orientation.w = 1.0
    marker.points = points or []
    return marker


def _at(marker: Marker, x: float, y: float) -> Marker:
    marker.pose.position.x, marker.pose.position.y = x, y
    return marker


def _evenly_spread(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def _closed(corners: np.ndarray) -> np.ndarray:
    return np.concatenate((corners, corners[:1]))
