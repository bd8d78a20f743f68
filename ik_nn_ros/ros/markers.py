"""Solutions as RViz markers: one namespace for each thing that can be switched off."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from geometry_msgs.msg import Point, Vector3
from rclpy.serialization import serialize_message
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.hull import tcp_hull
from ik_nn_ros.ros.targets import planar_pose
from ik_nn_ros.solutions import Solutions

DENSITY_CLASSES = 4  # a colour for each point would make the message half as large again
LEAST_ALPHA, MOST_ALPHA = 0.05, 0.8
VISIBLE_ARMS = 20  # so many opaque arms' worth of ink, shared among all
OUTLINE_CORNERS = 129
HEADING_LENGTH = 0.4  # [m]
LAYER = 0.005  # [m], between things that lie over each other when seen from above
COUNT = struct.Struct("=I")  # of a sequence's elements, before them
PLACEHOLDER = Point(x=math.pi, y=math.e, z=math.tau)  # stands nowhere else, and in no text
SERIALIZED_PLACEHOLDER = COUNT.pack(1) + struct.pack("=3d", math.pi, math.e, math.tau)


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
    "heading": Style(Marker.ARROW, (0.80, 0.10, 0.15), 0.04, 3),
    "target": Style(Marker.SPHERE, (0.80, 0.10, 0.15), 0.08, 0),
    "label": Style(Marker.TEXT_VIEW_FACING, (0.30, 0.30, 0.30), 0.14, 4),
}


class Shape(NamedTuple):
    """What one marker shows.

    Attributes:
        marker: all of it but its points.
        points: (n, 2) [m]; None for what has a place and no points.
    """

    marker: Marker
    points: np.ndarray | None = None


def posterior_markers(
    arm: PlanarArm, solutions: Solutions, label: str, frame: str, max_arms: int
) -> bytes:
    """The reach, all arms, the best one and its joints, the TCPs and their hull, target, label.

    Args:
        arm: the arm solved for.
        solutions: at least one; of more than ``max_arms``, evenly spread ones are drawn.
        label: a line of text.
        frame: the arm's base frame.
        max_arms: bounds the work in RViz.

    Returns:
        A serialized MarkerArray, which rclpy publishes as it is.
    """
    drawn = _evenly_spread(len(solutions), max_arms)
    chains = arm.joint_positions(solutions.positions[drawn])
    densities = solutions.log_densities
    tcps = chains[:, -1]
    return serialized(
        [
            Shape(Marker(action=Marker.DELETEALL)),
            *_reach(arm, frame),
            *_arms(chains, None if densities is None else densities[drawn], frame),
            Shape(_marker("best", frame), chains[0]),
            Shape(_marker("joints", frame), chains[0]),
            Shape(_marker("tcp", frame), tcps),
            Shape(_marker("hull", frame), _closed(tcp_hull(tcps, solutions.target[:2]).corners)),
            *_target(solutions, frame),
            Shape(_label(label, arm, frame)),
        ]
    )


def serialized(shapes: Sequence[Shape]) -> bytes:
    """The shapes as a serialized MarkerArray.

    A thousand arms have 12 000 points. Made one by one in Python and read one by one by rclpy they
    take ten times as long as all else. So ROS serializes every marker with one point, whose place
    is then taken by all of them: a point is three doubles after each other, in CDR as in memory.
    """
    with_points = [shape for shape in shapes if shape.points is not None]
    for shape in with_points:
        shape.marker.points = [PLACEHOLDER]
    array = MarkerArray(markers=[shape.marker for shape in shapes])
    first, *others = serialize_message(array).split(SERIALIZED_PLACEHOLDER)
    pieces = [first]
    for shape, following in zip(with_points, others, strict=True):
        points = np.pad(shape.points, ((0, 0), (0, 1)))
        pieces += [COUNT.pack(len(points)), points.tobytes(), following]
    return b"".join(pieces)


def _arms(chains: np.ndarray, log_densities: np.ndarray | None, frame: str) -> list[Shape]:
    """One line list; with densities one for each class of them, the likelier the more opaque."""
    if log_densities is None:
        classes, weights = [chains], [1.0]
    else:
        count = min(DENSITY_CLASSES, len(chains))  # RViz refuses a marker without points
        classes = np.array_split(chains[np.argsort(log_densities)], count)
        weights = np.linspace(0.0, 2.0, count + 1)[1:]
    shapes = []
    for index, (members, weight) in enumerate(zip(classes, weights, strict=True)):
        marker = _marker("posterior", frame)
        marker.id = index
        ink = weight * VISIBLE_ARMS / len(chains)
        marker.color.a = float(np.clip(ink, LEAST_ALPHA * weight, MOST_ALPHA))
        shapes.append(Shape(marker, _links(members)))
    return shapes


def _links(chains: np.ndarray) -> np.ndarray:
    """Both ends of every link of chains (n, dof + 1, 2) [m], arm after arm: (2 * n * dof, 2)."""
    return np.stack((chains[:, :-1], chains[:, 1:]), axis=2).reshape(-1, 2)


def _reach(arm: PlanarArm, frame: str) -> list[Shape]:
    """Where the arm's reach ends: a circle, another one around a hole; on a rail two lines."""
    shapes = []
    for distance in arm.reach:
        if distance != 0.0:
            outline = arm.base_joint.outline(distance, arm.reach[1], OUTLINE_CORNERS)
            marker = _marker("reach", frame)
            marker.id = len(shapes)
            shapes.append(Shape(marker, outline))
    return shapes


def _target(solutions: Solutions, frame: str) -> list[Shape]:
    """A sphere at the target and, where it prescribes a heading, an arrow that way."""
    x, y = solutions.target[:2].tolist()
    heading = solutions.task.headings(solutions.target)
    shapes = [Shape(_at(_marker("target", frame), x, y))]
    if heading is not None:
        arrow = _at(_marker("heading", frame), x, y)
        arrow.scale.x = HEADING_LENGTH
        arrow.pose.orientation = planar_pose(x, y, heading).orientation
        shapes.append(Shape(arrow))
    return shapes


def _label(text: str, arm: PlanarArm, frame: str) -> Marker:
    """The text above the reach."""
    marker = _marker("label", frame)
    marker.text = text
    return _at(marker, 0.0, arm.reach[1] + 2.0 * STYLES["label"].size)


def _marker(namespace: str, frame: str) -> Marker:
    style = STYLES[namespace]
    red, green, blue = style.color
    # Stamp 0: a latched marker is valid at any time.
    marker = Marker(ns=namespace, type=style.kind, color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.frame_id = frame
    marker.scale = Vector3(x=style.size, y=style.size, z=style.size)
    marker.pose.position.z = style.layer * LAYER
    marker.pose.orientation.w = 1.0
    return marker


def _at(marker: Marker, x: float, y: float) -> Marker:
    marker.pose.position.x, marker.pose.position.y = x, y
    return marker


def _evenly_spread(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def _closed(corners: np.ndarray) -> np.ndarray:
    return np.concatenate((corners, corners[:1]))
