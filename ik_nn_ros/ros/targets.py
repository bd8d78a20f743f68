"""Targets as messages: poses of the tip, which the arm meets in its plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from ik_nn_ros.arm.mount import Mount
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import Task
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.ros.frames import Frames

PLANE_TOLERANCE = 1e-6  # [arm's units], for what a transform leaves of z = 0
TILT_TOLERANCE = 1e-3  # [rad], for what a transform leaves of a turn about z
NORM_TOLERANCE = 1e-2  # of a quaternion that was typed with a few digits


def planar_pose(x: float, y: float, heading: float = 0.0) -> Pose:
    """A position [m] in the plane, and a turn about z [rad]."""
    turn = Quaternion(z=math.sin(0.5 * heading), w=math.cos(0.5 * heading))
    return Pose(position=Point(x=float(x), y=float(y)), orientation=turn)


def tip_pose(mount: Mount, point: Sequence[float], heading: float = 0.0) -> Pose:
    """A pose of the tip link in the base link's frame.

    Args:
        mount: how the arm stands in its robot.
        point: (2,) where the tip is in the plane [m].
        heading: of the arm's last link there [rad].
    """
    if mount == Mount():
        return planar_pose(*point, heading)
    point = np.array(point, dtype=np.float64)
    x, y, z = mount.base_points(point).tolist()
    orientation = quaternion_of(mount.tip_poses(point, heading)[:3, :3])
    return Pose(position=Point(x=x, y=y, z=z), orientation=orientation)


def quaternion_of(rotation: np.ndarray) -> Quaternion:
    """A rotation (3, 3) as a message."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat().tolist()
    return Quaternion(x=x, y=y, z=z, w=w)


def parse_targets(
    header: Header,
    poses: Sequence[Pose],
    frames: Frames,
    task: Task,
    arm: PlanarArm,
    wait: float = 0.0,
) -> np.ndarray:
    """Poses of the tip in a frame as targets (n, size) of a task, in the arm's plane.

    Args:
        header: the poses' frame and time.
        poses: of the tip.
        frames: the arm's frame and others.
        task: what of a pose is a target.
        arm: whose tip it is, with its mount.
        wait: for a transform that may be about to come, see `Frames.to_base` [s].

    Raises:
        FrameError: the frame cannot be transformed to the arm's.
        InvalidRequestError: a position is not in the arm's plane or, where the task prescribes a
            heading, an orientation is not one that the tip has within it.
    """
    mount, to_base = arm.mount, frames.to_base(header, wait)
    given = [(pose.position.x, pose.position.y, pose.position.z) for pose in poses]
    points = to_base.points(np.array(given).reshape(-1, 3))
    in_plane = _points_in_plane(points, mount, PLANE_TOLERANCE * arm.unit, frames.base_frame)
    if not task.prescribes_heading:
        return task.targets(in_plane)
    turns = np.array([_unit_quaternion(pose.orientation) for pose in poses]).reshape(-1, 4)
    tips = np.zeros((len(poses), 4, 4))
    tips[:, :3, :3] = Rotation.from_quat(to_base.orientations(turns)).as_matrix()
    tips[:, :3, 3] = points
    targets, _, tilts = mount.plane_targets(tips)
    _require_upright(tilts, targets[:, 2], mount, frames.base_frame)
    return targets


def parse_click(
    point: Point, header: Header, frames: Frames, height: float, mount: Mount
) -> np.ndarray:
    """Where in the plane (2,) a click was: RViz gives a point of the surface that was clicked.

    Args:
        point: of the frame.
        header: the frame and the time.
        frames: the arm's frame and others.
        height: how far from the plane such a surface may be [m].
        mount: where the plane is.

    Raises:
        FrameError: the frame cannot be transformed to the arm's.
        InvalidRequestError: the point is further from the plane.
    """
    points = frames.to_base(header).points(np.array([[point.x, point.y, point.z]]))
    return _points_in_plane(points, mount, height, frames.base_frame)[0]


def _points_in_plane(
    points: np.ndarray, mount: Mount, tolerance: float, base_frame: str
) -> np.ndarray:
    """Points (n, 3) of the base frame as points (n, 2) of the plane [m]."""
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        index = int(finite.argmin())
        got = tuple(points[index].tolist())
        raise InvalidRequestError("target", f"must be finite, number {index + 1} is not: {got}")
    in_plane, heights = mount.plane_points(points)
    off = np.flatnonzero(np.abs(heights) > tolerance)
    if len(off) > 0:
        x, y, z = points[off[0]].tolist()
        reason = f"must be {mount.xyz[2]:.9g} m in {base_frame} (within {tolerance:g} m)"
        reason = f"z {reason}, the arm is planar, got ({x}, {y}, {z})"
        if any(mount.rpy):
            u, v, w = mount.base_points(in_plane[off[0]])
            reason = (
                f"must be in the plane in which {mount.tip_link} moves (within {tolerance:g} m), "
                f"got ({x}, {y}, {z}) m in {base_frame}, {abs(heights[off[0]]):.6g} m off it; "
                f"the nearest point in it is ({u:.9g}, {v:.9g}, {w:.9g})"
            )
        raise InvalidRequestError("target", reason)
    return in_plane


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


def _require_upright(
    tilts: np.ndarray, headings: np.ndarray, mount: Mount, base_frame: str
) -> None:
    """Raise InvalidRequestError for orientations that the tip cannot have."""
    if not (tilts > TILT_TOLERANCE).any():
        return
    worst = int(tilts.argmax())
    reason = (
        f"be a turn about z of {base_frame}, the arm is planar, got one that tilts z by "
        f"{tilts[worst]:.4f} rad"
    )
    if any(mount.rpy) or any(mount.tip_rpy):
        near = tip_pose(mount, (0.0, 0.0), headings[worst]).orientation
        reason = (
            f"be one that {mount.tip_link} has in the plane in which it moves, got one that is "
            f"{tilts[worst]:.4f} rad off (x, y, z, w) = "
            f"({near.x:.6f}, {near.y:.6f}, {near.z:.6f}, {near.w:.6f}) in {base_frame}"
        )
    raise InvalidRequestError("target", f"with match_heading the orientation must {reason}")
