"""Targets in other frames, transformed into the arm's where transforms are known."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

import numpy as np
from builtin_interfaces.msg import Time as Stamp
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from std_msgs.msg import Header

from ik_nn_ros.errors import IKError
from ik_nn_ros.ros.errors import FrameError
from ik_nn_ros.stopping import go_on

LOOK_PERIOD = 0.005  # [s], between looks for a transform that is waited for
REST = 10.0  # times as long as a wait for an unknown frame was in vain, no other one is waited for


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
        self._rest_until = 0.0  # on the monotonic clock [s]

    def to_base(self, header: Header, wait: float = 0.0) -> ToBase:
        """The way from a frame, at a time, into the arm's; no frame means the arm's.

        Args:
            header: the frame and the time; 0 is the latest one that is known.
            wait: how long to wait for a transform that may be about to come [s]: a moving frame's
                are always a little older than a target that is stamped with its time.

        Raises:
            FrameError: there is none.
        """
        frame = header.frame_id
        if frame in ("", self.base_frame):
            return SAME
        if self._buffer is None:
            raise FrameError(frame, self.base_frame, "tf2_ros is not installed here")
        try:
            found = self._awaited(frame, Time.from_msg(header.stamp), wait).transform
        except IKError:  # the work is to stop
            raise
        except Exception as error:  # tf2's own, which cannot be named where tf2 is not installed
            raise FrameError(frame, self.base_frame, str(error)) from None
        turn, shift = found.rotation, found.translation
        return ToBase(
            np.array((turn.x, turn.y, turn.z, turn.w)), np.array((shift.x, shift.y, shift.z))
        )

    def _awaited(self, frame: str, stamp: Time, wait: float) -> TransformStamped:
        """A frame's transform at a time, once it is there; tf2's error if it does not come."""
        try:
            return self._lookup(frame, stamp)
        except Exception:
            latest = self._latest(frame)
        patience = self._patience(latest, stamp, wait)
        deadline = time.monotonic() + patience
        while True:
            try:  # at once: it may have come since the first look
                return self._lookup(frame, stamp)
            except Exception:
                if time.monotonic() >= deadline:
                    if latest is None and patience > 0.0:
                        self._rest_until = deadline + REST * patience
                    raise
            go_on()
            time.sleep(LOOK_PERIOD)

    def _patience(self, latest: Time | None, stamp: Time, wait: float) -> float:
        """How long a frame's next transform is worth a wait [s], in which nobody is answered.

        Not at all where the time lies further ahead of the frame's latest one than the wait is
        long, or before it. An unknown frame may appear; but whoever asks for such frames again and
        again gets a small share of the server's time.
        """
        if latest is None:
            return wait if time.monotonic() >= self._rest_until else 0.0
        return wait if 0 < stamp.nanoseconds - latest.nanoseconds <= 1e9 * wait else 0.0

    def _latest(self, frame: str) -> Time | None:
        """The time of a frame's latest transform; None where it has none."""
        try:
            latest = self._lookup(frame, Time.from_msg(Stamp())).header.stamp
        except Exception:
            return None
        return None if latest == Stamp() else Time.from_msg(latest)

    def _lookup(self, frame: str, stamp: Time) -> TransformStamped:
        return self._buffer.lookup_transform(self.base_frame, frame, stamp)
