"""Targets in other frames, transformed into the arm's where transforms are known."""

from __future__ import annotations

from typing import Protocol

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


class Frames:
    """The arm's frame, and the way into it from others.

    Args:
        base_frame: the arm's.
        buffer: knows the transforms; None: no other frame is accepted.
    """

    def __init__(self, base_frame: str, buffer: TransformBuffer | None) -> None:
        self.base_frame = base_frame
        self._buffer = buffer

    def to_base(self, points: np.ndarray, header: Header) -> np.ndarray:
        """Points (n, 3) [m] of a frame and a time, in the arm's frame; no frame means the arm's.

        Raises:
            FrameError: there is no way from that frame into the arm's.
        """
        frame = header.frame_id
        if frame in ("", self.base_frame):
            return points
        if self._buffer is None:
            raise FrameError(frame, self.base_frame, "tf2_ros is not installed here")
        try:
            found = self._buffer.lookup_transform(
                self.base_frame, frame, Time.from_msg(header.stamp)
            )
        except Exception as error:  # tf2's own, which cannot be named where tf2 is not installed
            raise FrameError(frame, self.base_frame, str(error)) from None
        return _transformed(points, found)


def listening_buffer(node: Node) -> TransformBuffer | None:
    """A buffer that fills from /tf and /tf_static, or None where tf2_ros is not installed."""
    try:
        from tf2_ros import Buffer, TransformListener
    except ImportError:
        return None
    buffer = Buffer()
    TransformListener(buffer, node)  # lives as the callback of its subscriptions
    return buffer


def _transformed(points: np.ndarray, stamped: TransformStamped) -> np.ndarray:
    rotation, shift = stamped.transform.rotation, stamped.transform.translation
    axis = np.array([rotation.x, rotation.y, rotation.z])
    # v + 2 q x (q x v + w v), for a unit quaternion (q, w)
    turned = points + 2.0 * np.cross(axis, np.cross(axis, points) + rotation.w * points)
    return turned + (shift.x, shift.y, shift.z)
