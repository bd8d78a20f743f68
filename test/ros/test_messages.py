"""Requests to arguments, solutions to responses and markers, without any node."""

import dataclasses
import math
import re

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, PoseStamped
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm, SolveOptions
from ik_nn_ros.errors import TimedOutError
from ik_nn_ros.ros.errors import RequestRefusedError
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.messages import (
    ERROR_CODES,
    error_code,
    fill_error,
    fill_representatives,
    fill_solutions,
    parse_response,
    require_declared_types,
)
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.path_messages import parse_path_request
from ik_nn_ros.ros.requests import parse_request, parse_seed_state

BASE = Frames("base_link", None)
ARM = PlanarArm.of_paper(6)
PARAMETERS = ServerParameters(model="exact", num_samples=50, position_tolerance=1e-5)


@pytest.fixture(scope="module")
def solver():
    return IKSolver.from_pretrained(6, "exact")


@pytest.fixture(scope="module")
def solutions(solver):
    return solver.solve((3.2, 0.4), 30, seed=0)


def test_zero_means_the_server_s_default():
    arguments = parse_request(SolveIK.Request(), PARAMETERS, ARM, BASE)
    assert arguments.num_samples == 50
    assert arguments.model == "exact"
    assert arguments.seed is None
    assert arguments.options == SolveOptions(position_tolerance=1e-5)
    assert arguments.timeout == math.inf


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda message: setattr(message.target.pose.position, "x", 3), "'x' field"),
        (lambda message: setattr(message.target.pose.position, "y", np.float32(0.5)), "'y' field"),
        (lambda message: setattr(message.target.pose.position, "y", "0.5"), "'y' field"),
        (lambda message: setattr(message, "num_samples", 5.0), "'num_samples' field"),
        (lambda message: setattr(message, "num_samples", 1 << 32), "'num_samples' field"),
        (lambda message: setattr(message, "raw", 1), "'raw' field"),
        (lambda message: setattr(message, "model", None), "'model' field"),
        (lambda message: setattr(message.seed_state, "name", [1]), "'name' field"),
    ],
)
def test_a_field_of_another_type_is_refused(change, field):
    """Unchecked, it would travel as another number, or end the process."""
    pose = Pose(position=Point(check_fields=False), check_fields=False)
    target = PoseStamped(pose=pose, check_fields=False)
    state = JointState(check_fields=False)
    message = SolveIK.Request(target=target, seed_state=state, check_fields=False)
    change(message)
    with pytest.raises(InvalidRequestError, match=field):
        require_declared_types(message)


def test_a_request_with_what_it_declares_may_travel():
    message = SolveIK.Request(num_samples=3, model="inn", random_seed=1 << 63)
    message.target.pose.position.x, message.seed_state.position = 3.0, [0.0, 1.0]
    require_declared_types(message)


def test_a_pose_of_a_path_with_another_type_is_refused():
    wrong = Point(check_fields=False)
    wrong.z = 1
    poses = [Pose(), Pose(position=wrong, check_fields=False)]
    with pytest.raises(InvalidRequestError, match="'z' field"):
        require_declared_types(SolveIKPath.Request(targets=poses))


def test_what_a_request_says_wins():
    request = SolveIK.Request(
        num_samples=7,
        model="inn",
        raw=True,
        position_tolerance=1e-3,
        heading_tolerance=1e-2,
        random_seed=5,
        allow_approximate=True,
        timeout=Duration(sec=1, nanosec=500_000_000),
    )
    arguments = parse_request(request, PARAMETERS, ARM, BASE)
    assert (arguments.num_samples, arguments.model, arguments.seed) == (7, "inn", 5)
    assert arguments.timeout == 1.5
    assert arguments.options == SolveOptions(
        refine=False, position_tolerance=1e-3, heading_tolerance=1e-2, allow_approximate=True
    )


def test_a_request_that_would_keep_all_others_waiting_is_refused_beforehand_with_figures():
    arm = PlanarArm.of_paper(15)
    request = SolveIK.Request(num_samples=10_000, num_representatives=100)
    words = (
        r"10000 samples x 15 joints x \(1 \+ 100 representatives\) = 15150000, the server's "
        "max_cost is 5000000"
    )
    with pytest.raises(InvalidRequestError, match=words):
        parse_request(request, PARAMETERS, arm, BASE)
    allowing = dataclasses.replace(PARAMETERS, max_cost=15_150_000)
    assert parse_request(request, allowing, arm, BASE).num_representatives == 100
    path = SolveIKPath.Request(num_samples=1000)
    with pytest.raises(InvalidRequestError, match="1000 samples x 15 joints"):
        parse_path_request(path, dataclasses.replace(PARAMETERS, max_cost=14_999), arm, BASE)


@pytest.mark.parametrize(
    ("names", "positions"),
    [
        ([], [0.1, 0.2, 0.3]),
        (["b", "a", "c"], [0.2, 0.1, 0.3]),
        (["left_finger", "c", "b", "wheel", "a"], [9.0, 0.3, 0.2, math.nan, 0.1]),
    ],
)
def test_a_seed_state_is_read_by_name_and_further_joints_are_ignored(names, positions):
    state = JointState(name=names, position=positions)
    assert parse_seed_state(state, "abc") == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("names", "positions", "words"),
    [
        ([], [0.1, 0.2], "must have 3 positions, got 2"),
        ([], [0.1] * 4, "must have 3 positions, got 4"),
        (["a", "b", "c"], [0.1] * 4, "must have 3 positions, got 4"),
        (["a", "c", "finger"], [0.1] * 3, "each of a, b, c, not none or several for b"),
        (["a", "b", "c", "c"], [0.1] * 4, "several for c"),
    ],
)
def test_a_seed_state_without_a_position_for_each_joint_is_refused(names, positions, words):
    with pytest.raises(InvalidRequestError, match=words):
        parse_seed_state(JointState(name=names, position=positions), "abc")


def test_solutions_survive_the_response(solutions):
    response = SolveIK.Response(solve_time=0.25)
    fill_solutions(response, solutions)
    answer = parse_response(response)
    assert np.array_equal(answer.positions, solutions.positions)
    assert np.array_equal(answer.position_errors, solutions.position_errors)
    assert np.array_equal(answer.log_densities, solutions.log_densities)
    assert np.array_equal(answer.weights, solutions.weights)
    assert answer.effective_share == solutions.effective_share
    assert answer.heading_errors is None
    assert answer.solve_time == 0.25
    assert list(response.best.position) == solutions.positions[0].tolist()
    assert response.best.name == list(answer.joint_names)


def test_a_model_without_densities_and_weights_answers_with_none(solutions):
    response = SolveIK.Response()
    fill_solutions(response, dataclasses.replace(solutions, density=None, log_weights=None))
    answer = parse_response(response)
    assert (answer.log_densities, answer.weights, answer.effective_share) == (None, None, None)
    assert response.effective_share == 0.0


def test_unequal_weights_travel_with_what_they_are_worth(solutions):
    log_weights = np.zeros(30)
    log_weights[0] = 10.0
    response = SolveIK.Response()
    fill_solutions(response, dataclasses.replace(solutions, log_weights=log_weights))
    answer = parse_response(response)
    assert answer.weights.sum() == pytest.approx(1.0)
    assert answer.weights[0] / answer.weights[1] == pytest.approx(math.exp(10.0))
    assert answer.effective_share < 0.1 and answer.off_distribution
    assert "do not represent the posterior" in answer.message


def test_an_arm_s_own_joint_names_and_heading_errors_are_in_the_answer():
    names = ("shoulder", "elbow", "wrist")
    arm = PlanarArm((0.4, 0.3, 0.2), prior_std=0.7, joint_names=names)
    response = SolveIK.Response()
    fill_solutions(response, IKSolver.exact(arm, "pose").solve((0.6, 0.2, 0.5), 1, seed=1))
    answer = parse_response(response)
    assert answer.joint_names == tuple(response.best.name) == names
    assert answer.heading_errors.max() < 1e-6
    assert answer.positions.sum(axis=1) == pytest.approx(0.5)


def test_a_shortfall_is_in_the_message(solver):
    response = SolveIK.Response()
    fill_solutions(response, IKSolver.from_pretrained(2, "exact").solve((1.3, 0.2), 50))
    assert "(all solutions of this target: 2)" in parse_response(response).message
    fill_solutions(response, solver.solve((3.2, 0.4), 3))
    assert "(" not in parse_response(response).message


def test_representatives_travel_where_they_are_asked_for(solutions):
    response = SolveIK.Response()
    fill_solutions(response, solutions)
    fill_representatives(response, solutions, 3)
    answer, expected = parse_response(response), solutions.representatives(3)
    assert np.array_equal(answer.representatives, expected.indices)
    assert np.array_equal(answer.representative_shares, expected.shares)
    assert answer.representative_shares.sum() == pytest.approx(1.0)


def test_a_target_that_a_network_has_not_learned_is_flagged(solver):
    response = SolveIK.Response()
    network = IKSolver.from_pretrained(6, "cvae")
    fill_solutions(response, network.solve((-2.0, 1.0), 5, seed=0))
    answer = parse_response(response)
    assert answer.off_distribution
    assert "the arm's prior hardly ever comes near" in answer.message
    fill_solutions(response, solver.solve((-2.0, 1.0), 5, seed=0))  # the posterior itself
    assert not parse_response(response).off_distribution


def test_an_error_travels_as_its_code_and_sentence():
    response = SolveIK.Response()
    fill_error(response, ZeroDivisionError("oops"))
    with pytest.raises(RequestRefusedError, match="internal error: ZeroDivisionError: oops") as e:
        parse_response(response)
    assert e.value.code == SolveIK.Response.FAILURE


def test_what_was_ready_when_the_time_ran_out_comes_with_the_refusal(solutions):
    response = SolveIK.Response()
    fill_solutions(response, solutions)
    fill_error(response, TimedOutError(elapsed=2.0, timeout=1.0))
    with pytest.raises(RequestRefusedError, match="2.000 s have passed") as caught:
        parse_response(response)
    assert caught.value.code == SolveIK.Response.TIMED_OUT
    assert np.array_equal(caught.value.ready.positions, solutions.positions)


def test_no_error_of_the_core_is_an_internal_one():
    codes = {
        value
        for name, value in vars(type(SolveIK.Response)).items()
        if re.fullmatch("[A-Z_]+", name) and isinstance(value, int)
    }
    assert error_code(RuntimeError()) == SolveIK.Response.FAILURE
    assert SolveIK.Response.FAILURE not in ERROR_CODES.values()
    assert SolveIK.Response.SUCCESS not in ERROR_CODES.values()
    assert codes <= set(ERROR_CODES.values()) | {
        SolveIK.Response.SUCCESS,
        SolveIK.Response.FAILURE,
        SolveIK.Response.INVALID_ROBOT_STATE,
    }
