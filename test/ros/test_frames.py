"""Targets in other frames: transformed where transforms are known, else refused, never assumed."""

import importlib.util
import math
import signal
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from geometry_msgs.msg import (
    Point,
    PointStamped,
    Pose,
    PoseStamped,
    Quaternion,
    TransformStamped,
    Vector3,
)
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros import PlanarArm
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.ros.errors import FrameError
from ik_nn_ros.ros.frames import Frames, listening_buffer
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import clicked_request, parse_request

HALF = math.sqrt(0.5)
ARM = PlanarArm.of_paper(6)


def transform(translation, rotation):
    x, y, z = translation
    stamped = TransformStamped()
    stamped.transform.translation = Vector3(x=x, y=y, z=z)
    stamped.transform.rotation = Quaternion(**dict(zip("xyzw", rotation, strict=True)))
    return stamped


class Buffer:
    """Knows two cameras: one above the arm's plane and turned, one upside down."""

    transforms = {
        "camera": transform((1.0, 2.0, 0.5), (0.0, 0.0, HALF, HALF)),
        "ceiling": transform((0.0, 0.0, 2.0), (1.0, 0.0, 0.0, 0.0)),
    }

    def __init__(self):
        self.asked_times = []

    def lookup_transform(self, target_frame, source_frame, time):
        assert target_frame == "base_link"
        self.asked_times.append(time.nanoseconds)
        if source_frame not in self.transforms:
            raise LookupError(f'"{source_frame}" passed to lookupTransform does not exist.')
        return self.transforms[source_frame]


def stamped(frame):
    header = Header(frame_id=frame)
    header.stamp.sec = 7
    return header


def request(x, y, z, frame, rotation=None):
    pose = Pose(position=Point(x=x, y=y, z=z))
    if rotation is not None:
        pose.orientation = Quaternion(**dict(zip("xyzw", rotation, strict=True)))
    target = PoseStamped(header=stamped(frame), pose=pose)
    return SolveIK.Request(target=target, match_heading=rotation is not None)


def parse(message, frames):
    return parse_request(message, ServerParameters(), ARM, frames)


@pytest.mark.parametrize(
    ("frame", "point", "in_base"),
    [
        ("", (3.0, 0.5, 0.0), (3.0, 0.5)),
        ("base_link", (3.0, 0.5, 0.0), (3.0, 0.5)),
        ("camera", (-1.5, -2.0, -0.5), (3.0, 0.5)),
        ("ceiling", (3.0, -0.5, 2.0), (3.0, 0.5)),
    ],
)
def test_a_target_is_taken_into_the_arm_s_frame(frame, point, in_base):
    frames = Frames("base_link", Buffer())
    arguments = parse(request(*point, frame), frames)
    np.testing.assert_allclose(arguments.target, in_base, atol=1e-12)


def test_the_transform_is_the_one_at_the_target_s_time():
    buffer = Buffer()
    Frames("base_link", buffer).to_base(stamped("camera"))
    assert buffer.asked_times == [7_000_000_000]


def test_a_target_that_leaves_the_plane_on_the_way_is_refused():
    with pytest.raises(InvalidRequestError, match="z must be 0 m in base_link"):
        parse(request(1.0, 1.0, 0.0, "camera"), Frames("base_link", Buffer()))


def test_a_frame_that_nobody_knows_is_refused_with_tf2_s_reason():
    with pytest.raises(FrameError, match='"map" passed to lookupTransform does not exist'):
        parse(request(1.0, 1.0, 0.0, "map"), Frames("base_link", Buffer()))


def test_without_tf2_every_other_frame_is_refused():
    with pytest.raises(FrameError, match="tf2_ros is not installed here.*give it in 'base_link'"):
        parse(request(1.0, 1.0, 0.0, "camera"), Frames("base_link", None))


@pytest.mark.parametrize(
    ("frame", "rotation", "heading"),
    [
        ("", (0.0, 0.0, HALF, HALF), math.pi / 2),
        ("", (0.0, 0.0, 0.7071, -0.7071), -math.pi / 2),
        ("camera", (0.0, 0.0, HALF, HALF), math.pi),
        ("camera", (0.0, 0.0, 0.0, 1.0), math.pi / 2),
        ("ceiling", (1.0, 0.0, 0.0, 0.0), 0.0),
        ("ceiling", (HALF, HALF, 0.0, 0.0), -math.pi / 2),
    ],
)
def test_a_heading_is_taken_into_the_arm_s_frame(frame, rotation, heading):
    points = {"": (3.0, 0.5, 0.0), "camera": (-1.5, -2.0, -0.5), "ceiling": (3.0, -0.5, 2.0)}
    message = request(*points[frame], frame, rotation)
    arguments = parse(message, Frames("base_link", Buffer()))
    assert arguments.task.name == "pose"
    np.testing.assert_allclose(arguments.target[:2], (3.0, 0.5), atol=1e-12)
    turned = math.remainder(arguments.target[2] - heading, 2.0 * math.pi)
    assert turned == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("frame", "rotation", "words"),
    [
        ("", (0.0, 0.0, 0.0, 0.0), "unit quaternion"),
        ("", (0.0, 0.0, 1.0, 1.0), "unit quaternion"),
        ("", (0.0, 0.0, math.nan, 1.0), "unit quaternion"),
        ("", (math.sin(0.1), 0.0, 0.0, math.cos(0.1)), "tilts z by 0.2000 rad"),
        ("ceiling", (0.0, 0.0, 0.0, 1.0), "turn about z of base_link"),
    ],
)
def test_an_orientation_that_is_no_turn_in_the_plane_is_refused(frame, rotation, words):
    z = 2.0 if frame else 0.0
    frames = Frames("base_link", Buffer())
    with pytest.raises(InvalidRequestError, match=words) as caught:
        parse(request(1.0, 0.0, z, frame, rotation), frames)
    assert caught.value.field == "target"


def test_without_match_heading_the_orientation_is_not_looked_at():
    message = request(1.0, 0.5, 0.0, "", (math.nan, 2.0, 0.0, 0.0))
    message.match_heading = False
    assert parse(message, Frames("base_link", None)).target.tolist() == [1.0, 0.5]


def test_a_click_is_solved_in_the_plane_below_it_at_the_latest_time():
    buffer = Buffer()
    click = PointStamped(header=stamped("camera"), point=Point(x=-1.5, y=-2.0, z=-0.513))
    target = clicked_request(click, Frames("base_link", buffer), ARM).target
    position = target.pose.position
    np.testing.assert_allclose((position.x, position.y), (3.0, 0.5), atol=1e-12)
    assert (position.z, target.header.frame_id) == (0.0, "")
    assert buffer.asked_times == [0]


@pytest.mark.parametrize(("z", "reach"), [(0.08, 3.5), (-0.08, 3.5), (-0.013, 0.06)])
def test_a_click_far_from_the_plane_is_refused(z, reach):
    click = PointStamped(point=Point(x=0.05, z=z))
    with pytest.raises(InvalidRequestError, match=f"within {0.02 * reach:g} m"):
        clicked_request(click, Frames("base_link", None), PlanarArm((0.5 * reach,) * 2))


def test_the_buffer_listens_where_tf2_is_installed(monkeypatch):
    tf2_ros = ModuleType("tf2_ros")
    tf2_ros.Buffer = Buffer
    tf2_ros.TransformListener = lambda buffer, node: node.append(buffer)
    monkeypatch.setitem(sys.modules, "tf2_ros", tf2_ros)
    listeners = []
    assert listening_buffer(listeners) is listeners[0]


@pytest.mark.skipif(importlib.util.find_spec("tf2_ros") is not None, reason="tf2_ros is installed")
def test_there_is_no_buffer_where_tf2_is_not_installed():
    assert listening_buffer(None) is None


# A server whose tf2 knows one frame: a metre to the right of the arm's.
SERVER_WITH_TF2 = """
import sys
from types import ModuleType
from geometry_msgs.msg import TransformStamped
from ik_nn_ros.ros.node import main

class Buffer:
    def lookup_transform(self, target_frame, source_frame, time):
        found = TransformStamped()
        found.transform.translation.x = 1.0
        return found

tf2_ros = sys.modules["tf2_ros"] = ModuleType("tf2_ros")
tf2_ros.Buffer = Buffer
tf2_ros.TransformListener = lambda buffer, node: None
sys.exit(main())
"""


def test_the_server_transforms_what_it_is_asked(client):
    arguments = ["--ros-args", "-p", "dof:=3", "-p", "model:=exact"]
    server = subprocess.Popen([sys.executable, "-c", SERVER_WITH_TF2, *arguments])
    try:
        client.wait_for_server(60.0)
        answer = client.solve(request(0.4, 0.3, 0.0, "camera"))
        tcp = client.arm().forward(answer.positions)
        np.testing.assert_allclose(tcp, np.tile((1.4, 0.3), (len(tcp), 1)), atol=1e-5)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60.0) == 0
