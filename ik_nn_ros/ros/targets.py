"""Targets as messages: poses in the arm's plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from std_msgs.msg import Header

from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.ros.frames import Frames

PLANE_TOLERANCE = SolveOptions.position_tolerance  # [m], for what a transform leaves of z = 0
TILT_TOLERANCE = 1e-3  # [rad], for what a transform leaves of a turn about z
NORM_TOLERANCE = 1e-2  # of a quaternion that was typed with a few digits


def planar_pose(x: float, y: float, heading: float = 0.0) -> Pose:
    """A position [m] in the plane, and a turn about z [rad]."""
    turn = Quaternion(z=math.sin(0.5 * heading), w=math.cos(0.5 * heading))
    return Pose(position=Point(x=float(x), y=float(y)), orientation=turn)


def parse_targets(header: Header, poses: Sequence[Pose], frames: Frames, task: Task) -> np.ndarray:
    """Poses of a frame as targets (n, size) of a task, in the arm's plane.

    Raises:
        FrameError: the frame cannot be transformed to the arm's.
        InvalidRequestError: a position is not in the arm's plane or, where the task prescribes a
            heading, an orientation is not a turn about its normal.
    """
    to_base = frames.to_base(header)
    given = [(pose.position.x, pose.position.y, pose.position.z) for pose in poses]
    points = to_base.points(np.array(given).reshape(-1, 3))
    _require_plane(points, PLANE_TOLERANCE, frames.base_frame)
    if not task.prescribes_heading:
        return task.targets(points[:, :2])
    turns = np.array([_unit_quaternion(pose.orientation) for pose in poses]).reshape(-1, 4)
    return task.targets(points[:, :2], _headings(to_base.orientations(turns), frames.base_frame))


def parse_click(point: Point, header: Header, frames: Frames, height: float) -> tuple[float, float]:
    """Where in the arm's plane a click was: RViz gives a point of the surface that was clicked.

    Args:
        point: of the frame.
        header: the frame and the time.
        frames: the arm's frame and others.
        height: how far from the plane such a surface may be [m].

    Raises:
        FrameError: the frame cannot be transformed to the arm's.
        InvalidRequestError: the point is further from the plane.
    """
    points = frames.to_base(header).points(np.array([[point.x, point.y, point.z]]))
    _require_plane(points, height, frames.base_frame)
    ((x, y, _),) = points.tolist()
    return x, y


def _require_plane(points: np.ndarray, tolerance: float, base_frame: str) -> None:
    for x, y, z in points.tolist():
        if not abs(z) <= tolerance:
            raise InvalidRequestError(
                "target",
                f"z must be 0 m in {base_frame} (within {tolerance:g} m), the arm is planar, "
                f"got ({x}, {y}, {z})",
            )


def _unit_quaternion(given: Quaternion) -> np.ndarray:
    quaternion = np.array((given.x, given.y, given.z, given.w))
    norm = np.linalg.norm(quaternion)
    if not abs(norm - 1.0) <= NORM_TOLERANCE:
        raise InvalidRequestError(
            "target",
            f"with match_heading the orientation must be a unit quaternion (x, y, z, w), "
            f"got {tuple(quaternion.tolist())}",
        )
    return quaternion / norm


def _headings(quaternions: np.ndarray, base_frame: str) -> np.ndarray:
    """The angles (n,) [rad] of turns about z, as unit quaternions (n, 4)."""
    x, y, z, w = quaternions.T
    tilts = 2.0 * np.arcsin(np.minimum(np.hypot(x, y), 1.0))
    if (tilts > TILT_TOLERANCE).any():
        raise InvalidRequestError(
            "target",
            f"with match_heading the orientation must be a turn about z of {base_frame}, the arm "
            f"is planar, got one that tilts z by {tilts.max():.4f} rad",
        )
    return 2.0 * np.arctan2(z, w)
