"""Targets in other frames: transformed where transforms are known, else refused, never assumed."""

import importlib.util
import math
import signal
import subprocess
import sys
import threading
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import (
    Point,
    PointStamped,
    Pose,
    PoseStamped,
    Quaternion,
    TransformStamped,
    Vector3,
)
from rclpy.time import Time
from rclpy.utilities import get_default_context
from std_msgs.msg import Header

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import PlanarArm
from ik_nn_ros.errors import InvalidRequestError, TimedOutError
from ik_nn_ros.ros import frames as frames_module
from ik_nn_ros.ros import transforms
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.errors import FrameError
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.path_messages import parse_path_request
from ik_nn_ros.ros.requests import clicked_request, parse_request
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.transforms import TransformListening
from ik_nn_ros.stopping import Deadline, stopped_by

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


def test_work_that_is_to_stop_waits_for_no_transform():
    frames = Frames("base_link", Buffer())
    with stopped_by(Deadline(0.0).check), pytest.raises(TimedOutError):
        frames.to_base(Header(frame_id="unknown"), wait=60.0)


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


class MovingBuffer:
    """A frame whose transforms come ever so often: after so many looks the next one is there.

    Args:
        latest: times [s] of its transforms, as they become known one after the other.
        looks: at a time, before the next one is known.
    """

    def __init__(self, latest, looks=3):
        self.latest, self.looks, self.looked = list(latest), looks, 0

    def lookup_transform(self, target_frame, source_frame, time):
        if source_frame != "tool" or not self.latest:
            raise LookupError(f'"{source_frame}" does not exist')
        if time.nanoseconds > 0:
            self.looked += 1
            if self.looked % self.looks == 0 and len(self.latest) > 1:
                del self.latest[0]
        found = TransformStamped(header=at(self.latest[0]))
        if time > Time.from_msg(found.header.stamp):
            raise RuntimeError("Lookup would require extrapolation into the future.")
        return found


def at(seconds, frame="tool"):
    header = Header(frame_id=frame)
    header.stamp.sec, header.stamp.nanosec = int(seconds), round(1e9 * (seconds % 1.0))
    return header


@pytest.fixture
def waits(monkeypatch):
    """How long was slept, on a clock that only sleeping moves [s]."""
    slept = []
    clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept))
    monkeypatch.setattr(frames_module, "time", clock)
    return slept


def test_a_moving_frame_s_next_transform_is_waited_for(waits):
    frames = Frames("base_link", MovingBuffer((7.0, 7.1, 7.2)))
    frames.to_base(at(7.15), wait=0.5)
    assert 0.0 < sum(waits) < 0.5


def test_the_transform_that_comes_between_two_looks_is_taken(waits):
    Frames("base_link", MovingBuffer((7.0, 7.2), looks=2)).to_base(at(7.1), wait=0.5)
    assert waits == []


def test_a_transform_that_does_not_come_is_waited_for_no_longer_than_asked(waits):
    frames = Frames("base_link", MovingBuffer((7.0,)))
    with pytest.raises(FrameError, match="extrapolation into the future"):
        frames.to_base(at(7.15), wait=0.5)
    assert sum(waits) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("seconds", "wait"), [(7.15, 0.1), (7.6, 0.5), (2e9, 0.5), (7.15, 0.0)])
def test_a_time_too_far_ahead_of_the_latest_transform_is_refused_at_once(waits, seconds, wait):
    with pytest.raises(FrameError):
        Frames("base_link", MovingBuffer((7.0,))).to_base(at(seconds), wait)
    assert waits == []


def test_those_who_ask_for_unknown_frames_get_a_small_share_of_the_time(waits):
    frames = Frames("base_link", MovingBuffer((7.0, 7.2)))
    for index in range(100):
        with pytest.raises(FrameError):
            frames.to_base(at(7.0, f"unknown_{index}"), wait=0.5)
    assert sum(waits) == pytest.approx(0.5, abs=0.01)
    frames.to_base(at(7.1), wait=0.5)  # a known one is waited for all the same


@pytest.mark.parametrize(("timeout", "longest"), [(0.0, 0.5), (0.2, 0.2)])
@pytest.mark.parametrize("kind", ["target", "path"])
def test_requests_wait_as_long_as_the_parameter_and_their_timeout_allow(
    waits, kind, timeout, longest
):
    frames, parameters = Frames("base_link", MovingBuffer((7.0,))), ServerParameters()
    limit = Duration(nanosec=int(1e9 * timeout))
    with pytest.raises(FrameError):
        if kind == "target":
            target = PoseStamped(header=at(7.15))
            parse_request(SolveIK.Request(target=target, timeout=limit), parameters, ARM, frames)
        else:
            path = SolveIKPath.Request(header=at(7.15), targets=[Pose()], timeout=limit)
            parse_path_request(path, parameters, ARM, frames)
    assert sum(waits) == pytest.approx(longest, abs=0.01)


def test_moveit_s_service_waits_once(waits):
    answering = Answering(
        Solvers(ServerParameters(dof=3)), Frames("base_link", MovingBuffer((7.0,))), logger=None
    )
    asked = SolveIK.Request(target=PoseStamped(header=at(7.15)), match_heading=True)
    response = SolveIK.Response()
    assert answering._carry_seed_state(asked, response, None)
    assert response.error_code == SolveIK.Response.FRAME_TRANSFORM_FAILURE
    assert sum(waits) == pytest.approx(0.5, abs=0.01)


def test_a_click_is_solved_at_the_latest_time_without_a_wait(waits):
    click = PointStamped(header=at(7.15), point=Point(x=2.0))
    clicked_request(click, Frames("base_link", MovingBuffer((7.0,))), ARM)
    assert waits == []


@pytest.mark.skipif(importlib.util.find_spec("tf2_ros") is not None, reason="tf2_ros is installed")
def test_there_is_no_buffer_where_tf2_is_not_installed():
    assert TransformListening(on_fault=None).buffer is None


# A server whose tf2 hears of one frame that moves, on a topic of the test's own.
SERVER_WITH_TF2 = """
import sys
from types import ModuleType
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from ik_nn_ros.ros.node import main

class Buffer:
    latest = None

    def lookup_transform(self, target_frame, source_frame, time):
        latest = self.latest
        if latest is None or time > Time.from_msg(latest.header.stamp):
            raise RuntimeError("extrapolation into the future")
        return latest

class TransformListener:
    def __init__(self, buffer, node):
        node.create_subscription(
            TransformStamped, "moved", lambda message: setattr(buffer, "latest", message), 10
        )

tf2_ros = sys.modules["tf2_ros"] = ModuleType("tf2_ros")
tf2_ros.Buffer, tf2_ros.TransformListener = Buffer, TransformListener
sys.exit(main())
"""


def test_targets_stamped_now_in_a_moving_frame_are_answered(client, listener):
    """Transforms come ten times a second, each later than the targets that need it."""
    arguments = ["--ros-args", "-p", "dof:=3", "-p", "transform_timeout:=10.0", "-r", "__node:=a"]
    server = subprocess.Popen([sys.executable, "-c", SERVER_WITH_TF2, *arguments])
    publisher = listener.node.create_publisher(TransformStamped, "moved", 10)
    ended = threading.Event()

    def move():
        while not ended.wait(0.1):
            moved = transform((1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
            moved.header.stamp = listener.node.get_clock().now().to_msg()
            publisher.publish(moved)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        client.wait_for_server(60.0)
        listener.wait_until(lambda: publisher.get_subscription_count() == 1)
        for _ in range(10):
            asked = request(0.4, 0.3, 0.0, "camera")
            asked.target.header.stamp = listener.node.get_clock().now().to_msg()
            tcp = PlanarArm.of_paper(3).forward(client.solve(asked).positions)
            np.testing.assert_allclose(tcp, np.tile((1.4, 0.3), (len(tcp), 1)), atol=1e-5)
        names = listener.node.get_node_names()
        assert "a" in names and transforms.NAME in names
    finally:
        ended.set()
        mover.join()
        listener.node.destroy_publisher(publisher)
        server.send_signal(signal.SIGINT)
        try:
            assert server.wait(60.0) == 0
        finally:
            server.kill()  # or the tests after this one would be asked of it, too


def test_a_transform_that_cannot_be_read_is_told_and_the_next_one_taken(ros, monkeypatch, listener):
    """Last: it shuts down this process's ROS, with which the thread ends.

    A signal wakes the executors and then shuts ROS down; here that comes so late that the thread
    is waiting again.
    """
    buffer, faults = [], []

    def take(message):
        if message.header.frame_id == "bad":
            raise ValueError("no transform")
        buffer.append(message)

    tf2_ros = ModuleType("tf2_ros")
    tf2_ros.Buffer = lambda: buffer
    tf2_ros.TransformListener = lambda _, node: node.create_subscription(
        TransformStamped, "moved", take, 10
    )
    monkeypatch.setitem(sys.modules, "tf2_ros", tf2_ros)
    listening = TransformListening(faults.append)
    publisher = listener.node.create_publisher(TransformStamped, "moved", 10)
    listener.wait_until(lambda: publisher.get_subscription_count() == 1)
    for frame in ("bad", "good"):
        publisher.publish(TransformStamped(header=Header(frame_id=frame)))
    listener.wait_until(lambda: buffer)
    assert listening.buffer is buffer
    assert [str(fault) for fault in faults] == ["no transform"]
    context = get_default_context().handle
    with context:
        context.shutdown()
    listener.wait_until(lambda: all(t.name != transforms.NAME for t in threading.enumerate()))
    listener.node.destroy_publisher(publisher)
