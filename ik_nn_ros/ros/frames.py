"""Targets in other frames, transformed into the arm's where transforms are known."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from ik_nn_ros.ros.errors import FrameError


class TransformBuffer(Protocol):
    """What is used of `tf2_ros.Buffer`."""

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time
    ) -> TransformStamped:
        """The transform that takes coordinates of the source frame to the target frame."""


class ToBase(NamedTuple):
    """The way from a frame into the arm's.

    Attributes:
        rotation: (4,) unit quaternion x, y, z, w.
        shift: (3,) [m], after the rotation.
    """

    rotation: np.ndarray
    shift: np.ndarray

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 3) [m] of the frame, in the arm's frame."""
        if self is SAME:  # bit for bit, and what is not finite is told as it was given
            return points
        axis, w = self.rotation[:3], self.rotation[3]
        # v + 2 q x (q x v + w v), for a unit quaternion (q, w)
        return points + 2.0 * np.cross(axis, np.cross(axis, points) + w * points) + self.shift

    def orientations(self, quaternions: np.ndarray) -> np.ndarray:
        """Orientations (n, 4) x, y, z, w of the frame, in the arm's frame."""
        axis, w = self.rotation[:3], self.rotation[3]
        axes, ws = quaternions[:, :3], quaternions[:, 3:]
        turned = w * axes + ws * axis + np.cross(axis, axes)
        return np.concatenate((turned, w * ws - axes @ axis[:, None]), axis=1)


SAME = ToBase(np.array((0.0, 0.0, 0.0, 1.0)), np.zeros(3))


class Frames:
    """The arm's frame, and the way into it from others.

    Args:
        base_frame: the arm's.
        buffer: knows the transforms; None: no other frame is accepted.
    """

    def __init__(self, base_frame: str, buffer: TransformBuffer | None) -> None:
        self.base_frame = base_frame
        self._buffer = buffer

    def to_base(self, header: Header) -> ToBase:
        """The way from a frame, at a time, into the arm's; no frame means the arm's.

        Raises:
            FrameError: there is none.
        """
        frame = header.frame_id
        if frame in ("", self.base_frame):
            return SAME
        if self._buffer is None:
            raise FrameError(frame, self.base_frame, "tf2_ros is not installed here")
        try:
            found = self._buffer.lookup_transform(
                self.base_frame, frame, Time.from_msg(header.stamp)
            ).transform
        except Exception as error:  # tf2's own, which cannot be named where tf2 is not installed
            raise FrameError(frame, self.base_frame, str(error)) from None
        turn, shift = found.rotation, found.translation
        return ToBase(
            np.array((turn.x, turn.y, turn.z, turn.w)), np.array((shift.x, shift.y, shift.z))
        )


def listening_buffer(node: Node) -> TransformBuffer | None:
    """A buffer that fills from /tf and /tf_static, or None where tf2_ros is not installed."""
    try:
        from tf2_ros import Buffer, TransformListener
    except ImportError:
        return None
    buffer = Buffer()
    TransformListener(buffer, node)  # lives as the callback of its subscriptions
    return buffer
