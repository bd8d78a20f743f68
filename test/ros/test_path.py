"""Paths of targets: followed on one branch, or told where they break."""

from functools import partial

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.errors import InvalidRequestError, PathBreakError
from ik_nn_ros.path import Branch, follow
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.ros import answering as module
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.targets import planar_pose
from ik_nn_ros.stopping import Deadline

ANGLES = np.linspace(0.0, 2.0 * np.pi, 64)
CIRCLE = np.array((3.0, 0.3)) + 0.1 * np.stack((np.cos(ANGLES), np.sin(ANGLES)), axis=1)
LINE = np.linspace((3.0, 0.2), (3.2, 0.2), 21)
STATED_BOUND = 0.03  # [rad], between targets 1 cm apart
NAMES = PlanarArm.of_paper(6).joint_names
Code = SolveIK.Response


@pytest.mark.parametrize(
    ("model", "targets"),
    [("cinn", CIRCLE), ("cvae", CIRCLE), ("inn", LINE), ("exact", LINE)],
    ids=["cinn", "cvae", "inn", "exact"],
)
def test_centimetres_turn_the_joints_by_less_than_the_stated_bound(model, targets):
    assert np.linalg.norm(np.diff(targets, axis=0), axis=1).max() < 0.0101
    solver = IKSolver.from_pretrained(6, model)
    path = np.array(list(follow(solver, targets, 20, seed=1)))
    np.testing.assert_allclose(solver.arm.forward(path), targets, atol=1e-6)
    assert np.abs(np.diff(path, axis=0)).max() < STATED_BOUND


def test_it_starts_nearest_to_the_seed_state_and_the_seed_fixes_it():
    solver = IKSolver.from_pretrained(6, "cvae")
    other_side = solver.solve(LINE[0], 100, seed=1).positions[50]
    first, again = (
        next(follow(solver, LINE, 100, seed=1, seed_state=other_side)) for _ in range(2)
    )
    assert np.array_equal(first, again)
    np.testing.assert_allclose(first, other_side, atol=1e-6)
    assert not np.allclose(first, next(follow(solver, LINE, 100, seed=1)), atol=0.1)


def test_where_it_leaves_the_reach_it_breaks_after_what_was_reached():
    targets = np.linspace((3.4, 0.0), (3.6, 0.0), 21)
    positions = []
    with pytest.raises(PathBreakError, match=r"target 12, \(3.5100, 0.0000\) m: target out") as e:
        positions.extend(follow(IKSolver.from_pretrained(6, "cvae"), targets, 50, seed=1))
    assert e.value.index == len(positions) == 11
    assert e.value.target == pytest.approx((3.51, 0.0))


def test_a_jump_from_branch_to_branch_breaks_it_at_that_target():
    """An arm whose elbow bends one way only cannot pass the target behind the limit of joint 1."""
    arm = PlanarArm((1.0, 1.0), 1.0, joint_limits=((-1.0, 1.0), (-2.5, 2.5)))
    solver = IKSolver(ExactPosterior(arm))
    bearings = np.linspace(0.0, 1.8, 91)
    targets = 1.2 * np.stack((np.cos(bearings), np.sin(bearings)), axis=1)
    elbow = np.arccos(1.2**2 / 2.0 - 1.0)
    start = (elbow / 2.0, -elbow)
    positions = []
    with pytest.raises(PathBreakError, match="joint_1 is at its upper limit 1.000 rad") as e:
        for position in follow(solver, targets, 200, seed=1, seed_state=start):
            positions.append(position)
    last_within = np.flatnonzero(bearings + elbow / 2.0 <= 1.0)[-1]
    assert e.value.index == len(positions) == last_within + 1


def test_on_a_full_circle_the_joints_turn_on_through_pi():
    solver = IKSolver(ExactPosterior(PlanarArm((1.0, 1.0), prior="uniform")))
    targets = 1.2 * np.stack((np.cos(1.5 * ANGLES), np.sin(1.5 * ANGLES)), axis=1)
    path = np.array(list(follow(solver, targets, 100, seed=1)))
    assert np.abs(np.diff(path, axis=0)).max() < 0.2
    assert path[-1, 0] - path[0, 0] == pytest.approx(3.0 * np.pi, abs=1e-5)


@pytest.mark.parametrize(
    ("targets", "max_joint_step", "words"),
    [
        ([], 0.1, "targets: must be"),
        ([(1.0, 2.0, 3.0)], 0.1, "targets: must be"),
        ([(3.0, 0.0), (np.nan, 0.0)], 0.1, "number 2 is not"),
        ([(3.0, 0.0)], -0.1, "max_joint_step: must be positive"),
        ([(3.0, 0.0)], np.nan, "max_joint_step: must be positive"),
    ],
)
def test_what_is_no_path_is_refused(targets, max_joint_step, words):
    solver = IKSolver.from_pretrained(6, "exact")
    with pytest.raises(InvalidRequestError, match=words):
        next(follow(solver, targets, max_joint_step=max_joint_step))


@pytest.fixture(scope="module")
def answering():
    solvers = Solvers(ServerParameters(num_samples=100))
    return Answering(solvers, Frames("base_link", None), logger=None)


def request(targets, **fields):
    poses = [planar_pose(*target) for target in targets]
    return SolveIKPath.Request(targets=poses, random_seed=1, **fields)


def answer(answering, message):
    response = SolveIKPath.Response()
    answering.solve_ik_path(message, response)
    return response


def test_the_service_gives_a_trajectory(answering):
    response = answer(answering, request(LINE[:11], time_step=0.25))
    assert (response.error_code, response.message) == (Code.SUCCESS, "11 points on one branch")
    trajectory = response.trajectory
    assert trajectory.joint_names == [f"joint_{index}" for index in range(1, 7)]
    assert trajectory.header.frame_id == "base_link"
    path = np.array([point.positions for point in trajectory.points])
    np.testing.assert_allclose(PlanarArm.of_paper(6).forward(path), LINE[:11], atol=1e-6)
    assert response.largest_joint_step == np.abs(np.diff(path, axis=0)).max() < STATED_BOUND
    np.testing.assert_allclose(times(response), [0.25, *np.arange(0.75, 2.9, 0.25), 3.25])
    velocities = np.array([point.velocities for point in trajectory.points])
    assert velocities.shape == path.shape and not velocities[[0, -1]].any()
    middle = (path[6] - path[4]) / 0.5
    np.testing.assert_allclose(velocities[5], middle, atol=1e-9)


def times(response):
    """When the points are due [s]."""
    due = (point.time_from_start for point in response.trajectory.points)
    return [time.sec + 1e-9 * time.nanosec for time in due]


def test_slow_joints_stretch_the_time_step_and_the_message_says_so(answering):
    response = answer(answering, request(LINE, max_joint_velocities=[0.01]))
    assert response.error_code == Code.SUCCESS
    assert ", time_step stretched from 0.1 to " in response.message
    velocities = np.array([point.velocities for point in response.trajectory.points])
    assert np.abs(velocities).max() <= 0.01 + 1e-12
    assert times(response)[-1] > 2.0 * (0.1 * 22)


def test_the_first_point_leaves_time_for_the_way_from_where_the_robot_is(answering):
    state = JointState(name=["finger", *NAMES], position=[0.5, -0.9, 0.4, 0.3, 0.2, 0.1, 0.0])
    asked = {"seed_state": state, "max_joint_velocities": [0.5] * 6}
    response = answer(answering, request(LINE, **asked))
    assert response.error_code == Code.SUCCESS
    way = np.abs(np.array(response.trajectory.points[0].positions) - state.position[1:]).max()
    assert times(response)[0] == pytest.approx(1.5 * way / 0.5)


def test_a_closed_path_comes_back_to_its_first_point(answering):
    response = answer(answering, request(CIRCLE[:-1], closed=True))
    computed = CIRCLE + np.linspace(0.0, 1e-13, len(CIRCLE))[:, None]
    assert len(answer(answering, request(computed, closed=True)).trajectory.points) == len(CIRCLE)
    assert (response.error_code, response.closing_gap) == (Code.SUCCESS, 0.0)
    first, *_, last = (point.positions for point in response.trajectory.points)
    assert first == last
    assert len(response.trajectory.points) == len(CIRCLE)
    open_one = answer(answering, request(CIRCLE))
    assert open_one.closing_gap == 0.0  # where nothing was asked for, nothing is said
    first, *_, last = (point.positions for point in open_one.trajectory.points)
    assert np.abs(np.subtract(last, first)).max() > 1e-5


@pytest.mark.parametrize("targets", [[(2.0, 0.5)], [(2.0, 0.5)] * 2])
def test_a_closed_path_of_one_point_is_that_point(answering, targets):
    response = answer(answering, request(targets, closed=True))
    assert (response.error_code, response.closing_gap) == (Code.SUCCESS, 0.0)
    assert len(response.trajectory.points) == len(targets)


def test_a_path_that_does_not_come_back_is_given_with_how_far_it_is_off(answering):
    """Around its base, which is a turn more for joints whose turns differ."""
    angles = np.linspace(0.0, 2.0 * np.pi, 200, endpoint=False)
    circle = 2.5 * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    response = answer(answering, request(circle, closed=True, model="exact"))
    assert response.error_code == Code.NO_IK_SOLUTION
    assert "does not come back to where it began: at its end joint_" in response.message
    first, *_, last = (point.positions for point in response.trajectory.points)
    assert len(response.trajectory.points) == 201
    assert response.closing_gap == np.abs(np.subtract(last, first)).max() > 1.0


def test_the_service_keeps_to_the_headings_that_it_is_to_match(answering):
    poses = np.column_stack((LINE, np.linspace(0.1, 0.4, len(LINE))))
    message = request(poses, match_heading=True, model="exact")
    response = answer(answering, message)
    assert response.error_code == Code.SUCCESS
    path = np.array([point.positions for point in response.trajectory.points])
    np.testing.assert_allclose(path.sum(axis=1), poses[:, 2], atol=1e-6)


def test_the_service_gives_what_comes_before_the_break(answering):
    response = answer(answering, request([*LINE[:5], (9.0, 0.0), *LINE[5:]]))
    assert response.error_code == Code.NO_IK_SOLUTION
    assert response.message.startswith("the path breaks at target 6, (9.0000, 0.0000) m: ")
    assert len(response.trajectory.points) == 5


def refused(message):
    message.header.frame_id = "map"
    return message


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        (request([]), Code.INVALID_REQUEST, "targets: must be"),
        (request([(3.0, 0.0)] * 1001), Code.INVALID_REQUEST, "at most 1000"),
        (request([(3.0, np.nan)]), Code.INVALID_REQUEST, "number 1 is not"),
        (request([(9.0, 0.0)]), Code.NO_IK_SOLUTION, "breaks at target 1,"),
        (request([(3.0, 0.0)], time_step=-1.0), Code.INVALID_REQUEST, "time_step"),
        (request([(3.0, 0.0)] * 5, time_step=1e9), Code.INVALID_REQUEST, "for 5 targets"),
        (request([(3.0, 0.0)], time_step=1e-300), Code.INVALID_REQUEST, "from 1e-09"),
        (request([(3.0, 0.0)], time_step=np.nan), Code.INVALID_REQUEST, "got nan"),
        (request([(3.0, 0.0)], model="gan"), Code.MODEL_NOT_FOUND, "cvae"),
        (
            request([(3.0, 0.0)], max_joint_velocities=[1.0] * 5),
            Code.INVALID_REQUEST,
            "6 or one for all joints or none",
        ),
        (request([(3.0, 0.0)], max_joint_velocities=[0.0]), Code.INVALID_REQUEST, "positive"),
        (request([(3.0, 0.0)], max_joint_velocities=[np.nan]), Code.INVALID_REQUEST, "positive"),
        (request(LINE, max_joint_velocities=[1e-300]), Code.INVALID_REQUEST, "so small"),
        (
            request(
                [(3.0, 0.0)],
                seed_state=JointState(position=[1e9] * 6),
                max_joint_velocities=[0.1],
            ),
            Code.INVALID_REQUEST,
            "or seed_state so far away, that it takes",
        ),
        (
            request([(3.0, 0.0)], seed_state=JointState(position=[1e300] * 6)),
            Code.INVALID_ROBOT_STATE,
            "must be from -1e+09 to 1e+09",
        ),
        (refused(request([(3.0, 0.0)])), Code.FRAME_TRANSFORM_FAILURE, "tf2_ros"),
    ],
)
def test_the_service_says_why_it_refuses(answering, message, code, words):
    response = answer(answering, message)
    assert response.error_code == code
    assert words in response.message
    assert response.trajectory.points == []


def test_out_of_time_the_service_gives_what_is_ready(answering, monkeypatch):
    now, following = [0.0], Branch.next

    def lasting(branch, *where):
        now[0] += 1.0
        return following(branch, *where)

    monkeypatch.setattr(Branch, "next", lasting)
    monkeypatch.setattr(module, "Deadline", partial(Deadline, clock=lambda: now[0]))
    message = request(LINE)
    message.timeout.sec = 2
    response = answer(answering, message)
    assert response.error_code == Code.TIMED_OUT
    assert len(response.trajectory.points) == 3
