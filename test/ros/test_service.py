"""/solve_ik between two processes, as a client sees it that knows only the contract."""

import importlib.util
import math
import signal

import numpy as np
import pytest
from geometry_msgs.msg import Point, PointStamped, PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import PlanarArm
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.targets import planar_pose
from measuring.metrics import mismatch
from measuring.mmd import mmd2

TARGET = (3.2, 0.4)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
Code = SolveIK.Response


def request(x=TARGET[0], y=TARGET[1], z=0.0, frame="", heading=None, **fields):
    target = PoseStamped(pose=planar_pose(x, y, heading or 0.0))
    target.pose.position.z = z
    target.header.frame_id = frame
    return SolveIK.Request(target=target, match_heading=heading is not None, **fields)


def tcp(positions):
    """Forward kinematics by the book, independent of the package."""
    headings = np.cumsum(positions, axis=1)
    links = np.array([0.5] * (positions.shape[1] - 1) + [1.0])
    return np.stack(((np.cos(headings) * links).sum(1), (np.sin(headings) * links).sum(1)), axis=1)


def assert_good(answer, count=1000):
    assert answer.positions.shape[1] == 6
    assert 0.99 * count <= len(answer.positions) <= count
    errors = np.linalg.norm(tcp(answer.positions) - TARGET, axis=1)
    assert errors.max() <= 1e-6
    np.testing.assert_allclose(answer.position_errors, errors, atol=1e-12)


@pytest.fixture
def click(server, listener):
    """Clicks in RViz: a point a little below the plane, in the fixed frame."""
    publisher = listener.node.create_publisher(PointStamped, "clicked_point", 50)
    listener.wait_until(lambda: publisher.get_subscription_count() > 0)

    def click(x, y, frame="base_link", z=-0.013):
        point = PointStamped(point=Point(x=x, y=y, z=z))
        point.header.frame_id = frame
        publisher.publish(point)

    yield click
    listener.node.destroy_publisher(publisher)


@pytest.fixture
def best_states(server, listener):
    """What comes on best_joint_state."""
    received = []
    subscription = listener.node.create_subscription(
        JointState, "best_joint_state", received.append, 50
    )
    listener.wait_until(lambda: listener.node.count_publishers("best_joint_state") > 0)
    yield received
    listener.node.destroy_subscription(subscription)


def test_before_the_first_answer_a_viewer_is_told_what_to_do(server, listener):
    """First: the tests below ask."""
    received = []
    subscription = listener.node.create_subscription(
        MarkerArray, "posterior_markers", received.append, LATCHED
    )
    listener.wait_until(lambda: received)
    listener.node.destroy_subscription(subscription)
    shown = {marker.ns: marker for marker in received[0].markers[1:]}
    assert shown["plane"].type == Marker.TRIANGLE_LIST
    assert "click on the plane with Publish Point, or ask /solve_ik" in shown["label"].text
    best = [(point.x, point.y) for point in shown["best"].points]
    straight = PlanarArm.of_paper(6).joint_positions(np.zeros(6))
    np.testing.assert_allclose(best, straight, atol=1e-12)


def test_a_request_with_nothing_but_a_target_gets_the_default(server, client):
    answer = client.solve(request())
    assert_good(answer)
    assert answer.joint_names == tuple(f"joint_{index}" for index in range(1, 7))
    assert len(answer.log_densities) == len(answer.positions)
    assert 0.0 < answer.solve_time < 10.0


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn", "exact"])
def test_every_model_answers_and_the_seed_fixes_its_answer(server, client, model):
    first, second, third = (
        client.solve(request(model=model, num_samples=200, random_seed=seed)) for seed in (7, 7, 8)
    )
    assert_good(first, 200)
    assert np.array_equal(first.positions, second.positions)
    assert not np.array_equal(first.positions, third.positions)
    assert (first.log_densities is None) == (model == "cvae")


def test_cvae_solutions_are_distributed_as_the_exact_posterior(server, client):
    """mmd2 over targets that no training has seen, within 2e-3 on average."""
    arm = PlanarArm.of_paper(6)
    rng = np.random.default_rng(123)
    targets = arm.forward(arm.sample_prior(20, rng))
    ours = [
        client.solve(request(x, y, num_samples=1000, random_seed=1)).positions
        for x, y in targets.tolist()
    ]
    exact = ExactPosterior(arm).sample(targets, 1000, rng).positions
    assert mismatch(mmd2, ours, list(exact)).mean < 2e-3


def test_raw_samples_are_close_but_not_on_the_target(server, client):
    answer = client.solve(request(model="cvae", raw=True, num_samples=300, random_seed=1))
    assert len(answer.positions) == 300
    errors = np.linalg.norm(tcp(answer.positions) - TARGET, axis=1)
    assert 1e-6 < np.median(errors) < 0.05


def test_a_heading_is_met_where_it_is_to_be(server, client):
    answer = client.solve(request(heading=0.4, model="exact", random_seed=1))
    assert_good(answer)
    headings = answer.positions.sum(axis=1)
    np.testing.assert_allclose(headings, 0.4, atol=1e-6)
    np.testing.assert_allclose(answer.heading_errors, np.abs(headings - 0.4), atol=1e-12)
    assert client.solve(request(model="exact")).heading_errors is None


def test_weights_travel_where_a_model_has_them(server, client):
    answer = client.solve(request(model="exact", num_samples=200))
    assert answer.weights.sum() == pytest.approx(1.0)
    share = 1.0 / (len(answer.weights) * np.square(answer.weights).sum())
    assert answer.effective_share == pytest.approx(share)
    assert client.solve(request(model="cvae", num_samples=20)).weights is None


def test_a_seed_state_puts_the_nearest_first_in_any_order_of_its_names(server, client):
    position = [0.1, 0.2, 0.0, -0.1, 0.2, 0.3]
    names = [f"joint_{index}" for index in range(1, 7)]
    plain = request(seed_state=JointState(position=position), random_seed=1)
    named = request(seed_state=JointState(name=names[::-1], position=position[::-1]), random_seed=1)
    first, second = client.solve(plain), client.solve(named)
    assert np.array_equal(first.positions, second.positions)
    assert np.all(np.diff(np.linalg.norm(first.positions - position, axis=1)) >= 0.0)


def test_the_nearest_reachable_point_is_solved_where_that_is_allowed(server, client):
    answer = client.solve(request(4.0, 0.0, allow_approximate=True, model="exact"))
    assert "0.5 m from the target" in answer.message
    np.testing.assert_allclose(
        tcp(answer.positions), [[3.5, 0.0]] * len(answer.positions), atol=1e-5
    )


def test_representatives_stand_for_all_solutions(server, client):
    answer = client.solve(request(num_representatives=4, random_seed=1))
    assert len(set(answer.representatives)) == 4
    assert np.all(np.diff(answer.representative_shares) <= 0.0)
    assert answer.representative_shares.sum() == pytest.approx(1.0)
    assert_good(answer)


@pytest.mark.parametrize(("x", "y", "flagged"), [(3.0, 0.5, False), (-2.0, 1.0, True)])
def test_a_target_off_the_beaten_track_is_flagged(server, client, x, y, flagged):
    answer = client.solve(request(x, y, num_samples=20, model="cvae"))
    assert answer.off_distribution == flagged
    assert ("hardly ever" in answer.message) == flagged


BAD = {
    "nan": (request(math.nan), Code.INVALID_REQUEST, "finite"),
    "infinite": (request(math.inf), Code.INVALID_REQUEST, "finite"),
    "out of reach": (request(9.0), Code.NO_IK_SOLUTION, "3.5000"),
    "off the plane": (request(z=0.1), Code.INVALID_REQUEST, "z must be 0"),
    "another frame": (request(frame="map"), Code.FRAME_TRANSFORM_FAILURE, "base_link"),
    "a million samples": (request(num_samples=1_000_000), Code.INVALID_REQUEST, "at most 10000,"),
    "more representatives than solutions": (
        request(num_samples=3, num_representatives=4),
        Code.INVALID_REQUEST,
        "from 1 to 3",
    ),
    "unknown model": (request(model="gan"), Code.MODEL_NOT_FOUND, "cvae"),
    "a line break in the model": (request(model="a\nb"), Code.MODEL_NOT_FOUND, r"'a\\nb'"),
    "short seed state": (
        request(seed_state=JointState(position=[0.0] * 5)),
        Code.INVALID_ROBOT_STATE,
        "6 positions",
    ),
    "foreign names": (
        request(seed_state=JointState(name=list("abcdef"), position=[0.0] * 6)),
        Code.INVALID_ROBOT_STATE,
        "joint_1",
    ),
    "a pose of a network without weights for poses": (
        request(model="cvae", heading=0.1),
        Code.MODEL_NOT_FOUND,
        "no weights for a pose",
    ),
    "a heading out of reach": (
        request(x=3.4, heading=math.pi, model="exact"),
        Code.NO_IK_SOLUTION,
        "with another heading",
    ),
    "nan seed state": (
        request(seed_state=JointState(position=[math.nan] * 6)),
        Code.INVALID_ROBOT_STATE,
        "finite",
    ),
    "negative tolerance": (request(position_tolerance=-1.0), Code.INVALID_REQUEST, "positive"),
    "nan tolerance": (request(position_tolerance=math.nan), Code.INVALID_REQUEST, "positive"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_told_why_and_the_next_one_is_answered(server, client, name):
    bad, code, words = BAD[name]
    with pytest.raises(RequestRefusedError, match=words) as caught:
        client.solve(bad)
    assert caught.value.code == code
    assert_good(client.solve(request(num_samples=100)), 100)


@pytest.mark.parametrize(
    ("sec", "nanosec", "code"), [(0, 1, Code.TIMED_OUT), (-1, 0, Code.INVALID_REQUEST)]
)
def test_a_timeout_is_kept_and_a_negative_one_refused(server, client, sec, nanosec, code):
    bad = request()
    bad.timeout.sec, bad.timeout.nanosec = sec, nanosec
    with pytest.raises(RequestRefusedError) as caught:
        client.solve(bad)
    assert caught.value.code == code


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
def test_a_millimetre_moves_every_solution_by_millimetres(server, client, model):
    """With the same seed: the furthest point of every arm, from its counterpart.

    A cinn's chain is closed by one of two elbows: one arm in a hundred may change its own.
    """
    arm = PlanarArm.of_paper(6)
    x, y = TARGET
    here, there = (
        client.solve(request(*target, model=model, num_samples=200, random_seed=1)).positions
        for target in ((x, y), (x + 1e-3, y))
    )
    assert len(here) == len(there)
    counterparts = np.linalg.norm(here[:, None] - there, axis=-1).argmin(axis=1)
    least = round(0.99 * len(here)) if model == "cinn" else len(here)
    assert len(set(counterparts.tolist())) >= least
    moved = arm.joint_positions(here) - arm.joint_positions(there[counterparts])
    furthest = np.sort(np.linalg.norm(moved, axis=-1).max(axis=1))[:least]
    assert np.median(furthest) < 2e-3
    assert furthest.max() < 20e-3


def test_a_late_subscriber_sees_the_latest_arms_best_arm_and_target(server, client, listener):
    answer = client.solve(request(num_samples=2000, random_seed=3))
    received = []
    listener.node.create_subscription(MarkerArray, "posterior_markers", received.append, LATCHED)
    # What was drawn before comes first; with a viewer, the latest answer is drawn.
    listener.wait_until(lambda: received and "2000" in received[-1].markers[-1].text)
    assert received[-1].markers[0].action == Marker.DELETEALL
    shown = {marker.ns: marker for marker in received[-1].markers[1:]}
    arms = [marker for marker in received[-1].markers if marker.ns == "posterior"]
    # max_marker_arms, two ends of six links
    assert sum(len(marker.points) for marker in arms) == 1000 * 6 * 2
    expected = PlanarArm.of_paper(6).joint_positions(answer.positions[0])
    best = [(point.x, point.y) for point in shown["best"].points]
    np.testing.assert_allclose(best, expected, atol=1e-12)
    position = shown["target"].pose.position
    assert (position.x, position.y) == TARGET
    assert shown["label"].text.startswith(f"exact: {len(answer.positions)} solutions, errors up to")
    assert {marker.header.frame_id for marker in shown.values()} == {"base_link"}


def test_a_late_subscriber_gets_the_latest_best_arm(server, client, listener):
    answer = client.solve(request(num_samples=20, random_seed=5))
    received = []
    subscription = listener.node.create_subscription(
        JointState, "best_joint_state", received.append, LATCHED
    )
    listener.wait_until(lambda: received)
    listener.node.destroy_subscription(subscription)
    assert list(received[-1].position) == answer.positions[0].tolist()
    assert len(received) == 1


def test_a_click_solves_and_shows(server, client, listener, click, best_states):
    click(3.1, -0.3, frame="map")  # refused: another frame
    click(3.1, -0.3, z=0.5)  # refused: far from the plane
    click(3.1, -0.3)
    listener.wait_until(lambda: best_states)
    (state,) = best_states
    assert state.header.frame_id == "base_link"
    np.testing.assert_allclose(tcp(np.array([state.position])), [[3.1, -0.3]], atol=1e-6)
    (line,) = (line for line in server.output().splitlines() if "clicked point refused" in line)
    assert "'map' cannot be transformed to 'base_link'" in line  # the next one came too soon after


def test_clicks_and_calls_interleave_without_mixing(client, listener, click, best_states):
    clicked, called = ([(x, y) for x in np.linspace(2.9, 3.2, 12)] for y in (-0.3, 0.4))
    for click_target, call_target in zip(clicked, called, strict=True):
        click(*click_target)
        answer = client.solve(request(*call_target, num_samples=20))
        np.testing.assert_allclose(
            tcp(answer.positions), [call_target] * len(answer.positions), atol=1e-6
        )
    listener.wait_until(lambda: len(best_states) == len(clicked) + len(called))
    shown = tcp(np.array([state.position for state in best_states]))
    np.testing.assert_allclose(shown[shown[:, 1] < 0.0], clicked, atol=1e-6)
    np.testing.assert_allclose(shown[shown[:, 1] > 0.0], called, atol=1e-6)


def test_a_path_is_answered_with_a_trajectory(server, listener):
    asked = listener.node.create_client(SolveIKPath, "solve_ik_path")
    listener.wait_until(asked.service_is_ready)
    points = [(3.0 + 0.01 * index, 0.2) for index in range(10)]
    targets = [planar_pose(*point) for point in points]
    future = asked.call_async(SolveIKPath.Request(targets=targets, num_samples=50, random_seed=1))
    listener.wait_until(future.done)
    response = future.result()
    assert response.error_code == Code.SUCCESS
    path = np.array([point.positions for point in response.trajectory.points])
    np.testing.assert_allclose(tcp(path), points, atol=1e-6)
    assert response.largest_joint_step < 0.03


def test_the_arm_s_links_can_be_asked_for(server, client):
    assert client.arm() == PlanarArm.of_paper(6)


@pytest.mark.skipif(
    importlib.util.find_spec("moveit_msgs") is not None, reason="moveit_msgs is installed"
)
def test_without_moveit_s_messages_its_service_is_not_offered(server, client, listener):
    assert listener.node.count_services("solve_ik") == 1
    assert listener.node.count_services("get_position_ik") == 0


def test_the_server_is_still_well(server, client):
    """Last: all the above left no traceback, and SIGINT ends it with status 0."""
    assert_good(client.solve(request()))
    assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.output()
