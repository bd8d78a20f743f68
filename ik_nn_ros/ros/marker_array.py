"""Markers with many points, serialized at once."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import serialize_message
from visualization_msgs.msg import Marker, MarkerArray

COUNT = struct.Struct("=I")  # of a sequence's elements, before them
PLACEHOLDER = Point(x=math.pi, y=math.e, z=math.tau)  # stands nowhere else, and in no text
SERIALIZED_PLACEHOLDER = COUNT.pack(1) + struct.pack("=3d", math.pi, math.e, math.tau)


class Shape(NamedTuple):
    """What one marker shows.

    Attributes:
        marker: all of it but its points.
        points: (n, 2) [m]; None for what has a place and no points.
    """

    marker: Marker
    points: np.ndarray | None = None


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
