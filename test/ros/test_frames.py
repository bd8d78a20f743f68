"""Targets in other frames: transformed where transforms are known, else refused, never assumed."""

import importlib.util
import math
import signal
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from geometry_msgs.msg import Point, PointStamped, Quaternion, TransformStamped, Vector3
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.errors import InvalidRequestError
from ik_nn_ros.ros.errors import FrameError
from ik_nn_ros.ros.frames import Frames, listening_buffer
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.requests import clicked_request, parse_request

HALF = math.sqrt(0.5)


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


def request(x, y, z, frame):
    target = PointStamped(header=Header(frame_id=frame), point=Point(x=x, y=y, z=z))
    target.header.stamp.sec = 7
    return SolveIK.Request(target=target)


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
    arguments = parse_request(request(*point, frame), ServerParameters(), frames)
    np.testing.assert_allclose(arguments.target, in_base, atol=1e-12)


def test_the_transform_is_the_one_at_the_target_s_time():
    buffer = Buffer()
    Frames("base_link", buffer).to_base(
        np.zeros((1, 3)), request(0.0, 0.0, 0.0, "camera").target.header
    )
    assert buffer.asked_times == [7_000_000_000]


def test_a_target_that_leaves_the_plane_on_the_way_is_refused():
    with pytest.raises(InvalidRequestError, match="z must be 0 m in base_link"):
        parse_request(
            request(1.0, 1.0, 0.0, "camera"), ServerParameters(), Frames("base_link", Buffer())
        )


def test_a_frame_that_nobody_knows_is_refused_with_tf2_s_reason():
    with pytest.raises(FrameError, match='"map" passed to lookupTransform does not exist'):
        parse_request(
            request(1.0, 1.0, 0.0, "map"), ServerParameters(), Frames("base_link", Buffer())
        )


def test_without_tf2_every_other_frame_is_refused():
    with pytest.raises(FrameError, match="tf2_ros is not installed here.*give it in 'base_link'"):
        parse_request(
            request(1.0, 1.0, 0.0, "camera"), ServerParameters(), Frames("base_link", None)
        )


def test_a_click_is_solved_in_the_plane_below_it_at_the_latest_time():
    buffer = Buffer()
    click = request(-1.5, -2.0, -0.3, "camera").target
    target = clicked_request(click, Frames("base_link", buffer)).target
    np.testing.assert_allclose((target.point.x, target.point.y), (3.0, 0.5), atol=1e-12)
    assert (target.point.z, target.header.frame_id) == (0.0, "")
    assert buffer.asked_times == [0]


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
