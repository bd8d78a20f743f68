"""Paths of targets: followed on one branch, or told where they break."""

import numpy as np
import pytest

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.errors import InvalidRequestError, PathBreakError
from ik_nn_ros.path import follow
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.ros.answering import Answering
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.ros.targets import planar_pose

ANGLES = np.linspace(0.0, 2.0 * np.pi, 64)
CIRCLE = np.array((3.0, 0.3)) + 0.1 * np.stack((np.cos(ANGLES), np.sin(ANGLES)), axis=1)
LINE = np.linspace((3.0, 0.2), (3.2, 0.2), 21)
STATED_BOUND = 0.03  # [rad], between targets 1 cm apart
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
    with pytest.raises(PathBreakError, match="turns joint 2 by .* 0.200 rad are allowed") as e:
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


class Counting(Sampler):
    """Counts how often it is asked."""

    def __init__(self, sampler):
        self.name, self.arm, self._sampler = sampler.name, sampler.arm, sampler
        self.asked = 0

    def sample(self, targets, num_samples, rng):
        self.asked += 1
        return self._sampler.sample(targets, num_samples, rng)


def test_the_model_is_asked_at_the_start_and_where_the_way_on_is_barred():
    sampler = Counting(IKSolver.from_pretrained(6, "exact").sampler)
    list(follow(IKSolver(sampler), LINE, 20, seed=1))
    assert sampler.asked == 1
    arm = PlanarArm((1.0,) * 3, 1.0, joint_limits=((-0.2, 0.2), (-3.0, 3.0), (-3.0, 3.0)))
    sampler = Counting(ExactPosterior(arm))
    targets = np.linspace((2.0, 0.0), (2.0, 0.8), 41)
    path = list(follow(IKSolver(sampler), targets, 2000, seed=1, seed_state=(0.0, 1.0, -2.0)))
    assert 1 < sampler.asked < len(targets)
    assert arm.within_limits(np.array(path)).all()


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
    times = [point.time_from_start for point in trajectory.points]
    assert [time.sec + 1e-9 * time.nanosec for time in times] == [0.25 * i for i in range(11)]


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
        (refused(request([(3.0, 0.0)])), Code.FRAME_TRANSFORM_FAILURE, "tf2_ros"),
    ],
)
def test_the_service_says_why_it_refuses(answering, message, code, words):
    response = answer(answering, message)
    assert response.error_code == code
    assert words in response.message
    assert response.trajectory.points == []


def test_out_of_time_the_service_gives_what_is_ready(answering):
    message = request(LINE)
    message.timeout.nanosec = 1
    response = answer(answering, message)
    assert response.error_code == Code.TIMED_OUT
    assert len(response.trajectory.points) == 1
