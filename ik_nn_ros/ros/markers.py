"""The arm and its solutions as RViz markers: a namespace for each thing to be switched off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker

from ik_nn_ros.arm.frames import rotation, turns_about_z
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.hull import tcp_hull
from ik_nn_ros.ros.marker_array import Shape, serialized
from ik_nn_ros.ros.targets import quaternion_of
from ik_nn_ros.solutions import Solutions

DENSITY_CLASSES = 4  # a colour for each point would make the message half as large again
LEAST_ALPHA, MOST_ALPHA = 0.05, 0.8
VISIBLE_ARMS = 20  # so many opaque arms' worth of ink, shared among all
PLANE_ALPHA = 0.06
OUTLINE_CORNERS = 129
HEADING_LENGTH = 0.12  # of the reach
LAYER = 0.0015  # of the reach, between things that lie over each other when seen from above


@dataclass(frozen=True)
class Style:
    """How a kind of thing looks; sizes are shares of the reach, so that all arms look alike.

    Attributes:
        kind: the marker's type.
        color: red, green, blue.
        size: width of lines, diameter of points, height of letters.
        layer: things of a higher one lie over those of a lower one; 0 is the arm's plane.
    """

    kind: int
    color: tuple[float, float, float]
    size: float
    layer: int


STYLES = {
    # RViz's Publish Point needs a surface under the cursor: just below all else, so that it is
    # clicked where there is nothing else.
    "plane": Style(Marker.TRIANGLE_LIST, (0.35, 0.45, 0.60), 1.0, -2),
    "reach": Style(Marker.LINE_STRIP, (0.55, 0.55, 0.55), 0.003, 0),
    "posterior": Style(Marker.LINE_LIST, (0.13, 0.40, 0.67), 0.0017, 0),
    "best": Style(Marker.LINE_STRIP, (0.95, 0.55, 0.10), 0.0085, 1),
    "joints": Style(Marker.SPHERE_LIST, (0.70, 0.35, 0.05), 0.014, 2),
    "hull": Style(Marker.LINE_STRIP, (0.10, 0.50, 0.20), 0.003, 3),
    "tcp": Style(Marker.POINTS, (0.20, 0.70, 0.30), 0.0035, 3),
    "target": Style(Marker.SPHERE, (0.80, 0.10, 0.15), 0.023, 0),
    "heading": Style(Marker.ARROW, (0.80, 0.10, 0.15), 0.012, 3),
    "label": Style(Marker.TEXT_VIEW_FACING, (0.30, 0.30, 0.30), 0.04, 4),
}


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
    scene = _Scene(arm, frame)
    drawn = _evenly_spread(len(solutions), max_arms)
    chains = scene.chains(solutions.positions[drawn])
    densities = solutions.log_densities
    return scene.serialized(
        [
            *scene.ground(),
            *scene.arms(chains, None if densities is None else densities[drawn]),
            *scene.arm_alone(chains[0]),
            *scene.tcps(chains[:, -1], scene.tip(solutions)),
            *scene.target(solutions),
            scene.label(label),
        ]
    )


def start_markers(arm: PlanarArm, label: str, frame: str) -> bytes:
    """What there is to see, and to click on, before the first answer: the reach and the arm.

    Args:
        arm: drawn where its prior is highest.
        label: a line of text.
        frame: the arm's base frame.

    Returns:
        See `posterior_markers`.
    """
    scene = _Scene(arm, frame)
    chain = scene.chains(arm.prior_mode)
    return scene.serialized([*scene.ground(), *scene.arm_alone(chain), scene.label(label)])


@dataclass(frozen=True)
class _Scene:
    """Markers in an arm's plane, as large as its reach asks for."""

    planar_arm: PlanarArm
    frame: str

    @cached_property
    def reaches(self) -> tuple[float, float]:
        """The smallest and the largest reach of the tip [m]: a lever is no part of the robot."""
        arm = self.planar_arm
        if not arm.mount.lever:
            return arm.reach
        return arm.base_joint.reach(arm.link_lengths[:-1])

    @property
    def reach(self) -> float:
        return self.reaches[1]

    def serialized(self, shapes: Sequence[Shape]) -> bytes:
        """The message, with what is in the plane placed in the base link's frame."""
        mount = self.planar_arm.mount
        if any(mount.xyz) or any(mount.rpy):
            plane = rotation(mount.rpy)
            for marker, _ in shapes:
                pose = marker.pose
                local = np.array((pose.position.x, pose.position.y, pose.position.z))
                x, y, z = (plane @ local + mount.xyz).tolist()
                pose.position = Point(x=x, y=y, z=z)
                # Within the plane all orientations are turns about its normal.
                turned = 2.0 * np.arctan2(pose.orientation.z, pose.orientation.w)
                pose.orientation = quaternion_of(plane @ turns_about_z(turned))
        return serialized(shapes)

    def chains(self, positions: np.ndarray) -> np.ndarray:
        """The base, the joints and the tip of arms (..., dof): (..., dof + 1, 2) [m]."""
        chains = self.planar_arm.joint_positions(positions)
        return chains[..., :-1, :] if self.planar_arm.mount.lever else chains

    def tip(self, solutions: Solutions) -> np.ndarray:
        """Where the target brings the tip: (2,) [m]."""
        x, y = solutions.target[:2]
        lever = self.planar_arm.mount.lever
        if lever:
            heading = solutions.task.headings(solutions.target)
            x, y = x - lever * np.cos(heading), y - lever * np.sin(heading)
        return np.array((x, y))

    def ground(self) -> list[Shape]:
        """All older markers go, then come the reach, filled, and its outlines.

        A disc, or a ring around a hole; on a rail a band.
        """
        nearest, farthest = (self._outline(distance) for distance in self.reaches)
        shapes = [Shape(Marker(action=Marker.DELETEALL)), self._plane(nearest, farthest)]
        for outline in (nearest, farthest):
            if outline.any():  # else it is the origin: an arm that folds up has no hole
                marker = self._marker("reach")
                marker.id = len(shapes)
                shapes.append(Shape(marker, outline))
        return shapes

    def arms(self, chains: np.ndarray, log_densities: np.ndarray | None) -> list[Shape]:
        """One line list; with densities one for each class of them, the likelier the denser."""
        if log_densities is None:
            classes, weights = [chains], [1.0]
        else:
            count = min(DENSITY_CLASSES, len(chains))  # RViz refuses a marker without points
            classes = np.array_split(chains[np.argsort(log_densities)], count)
            weights = np.linspace(0.0, 2.0, count + 1)[1:]
        shapes = []
        for index, (members, weight) in enumerate(zip(classes, weights, strict=True)):
            marker = self._marker("posterior")
            marker.id = index
            ink = weight * VISIBLE_ARMS / len(chains)
            marker.color.a = float(np.clip(ink, LEAST_ALPHA * weight, MOST_ALPHA))
            shapes.append(Shape(marker, _links(members)))
        return shapes

    def arm_alone(self, chain: np.ndarray) -> list[Shape]:
        """An arm (dof + 1, 2) [m] and its joints."""
        return [Shape(self._marker(name), chain) for name in ("best", "joints")]

    def tcps(self, tcps: np.ndarray, target: np.ndarray) -> list[Shape]:
        """Where the arms end, and the hull of those nearest to the target."""
        hull = _closed(tcp_hull(tcps, target, self.planar_arm.unit).corners)
        return [Shape(self._marker("tcp"), tcps), Shape(self._marker("hull"), hull)]

    def target(self, solutions: Solutions) -> list[Shape]:
        """A sphere at the target and, where it prescribes a heading, an arrow that way."""
        x, y = self.tip(solutions).tolist()
        shapes = [Shape(_at(self._marker("target"), x, y))]
        heading = solutions.task.headings(solutions.target)
        if heading is not None:
            arrow = _at(self._marker("heading"), x, y)
            arrow.scale.x = HEADING_LENGTH * self.reach
            arrow.pose.orientation = quaternion_of(turns_about_z(heading))
            shapes.append(Shape(arrow))
        return shapes

    def label(self, text: str) -> Shape:
        """The text above the reach."""
        marker = self._marker("label")
        marker.text = text
        return Shape(_at(marker, 0.0, self.reach + 2.0 * marker.scale.z))

    def _outline(self, distance: float) -> np.ndarray:
        return self.planar_arm.base_joint.outline(distance, self.reach, OUTLINE_CORNERS)

    def _plane(self, nearest: np.ndarray, farthest: np.ndarray) -> Shape:
        """Triangles between each two corners of both outlines."""
        marker = self._marker("plane")
        marker.scale = Vector3(x=1.0, y=1.0, z=1.0)  # of the points
        marker.color.a = PLANE_ALPHA
        a, b, c, d = nearest[:-1], farthest[:-1], farthest[1:], nearest[1:]
        corners = (a, b, c, a, c, d) if nearest.any() else (a, b, c)
        return Shape(marker, np.stack(corners, axis=1).reshape(-1, 2))

    def _marker(self, namespace: str) -> Marker:
        style = STYLES[namespace]
        red, green, blue = style.color
        color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        size = style.size * self.reach
        # Stamp 0: a latched marker is valid at any time.
        marker = Marker(ns=namespace, type=style.kind, color=color)
        marker.header.frame_id = self.frame
        marker.scale = Vector3(x=size, y=size, z=size)
        marker.pose.position.z = style.layer * LAYER * self.reach
        marker.pose.orientation.w = 1.0
        return marker


def _links(chains: np.ndarray) -> np.ndarray:
    """Both ends of every link of chains (n, dof + 1, 2) [m], arm after arm: (2 * n * dof, 2)."""
    return np.stack((chains[:, :-1], chains[:, 1:]), axis=2).reshape(-1, 2)


def _at(marker: Marker, x: float, y: float) -> Marker:
    marker.pose.position.x, marker.pose.position.y = x, y
    return marker


def _evenly_spread(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def _closed(corners: np.ndarray) -> np.ndarray:
    return np.concatenate((corners, corners[:1]))
