"""Joint positions along a path, on one branch of the solutions."""

import re

import numpy as np
import pytest

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm, SolveOptions
from ik_nn_ros.arm.task import POSITION
from ik_nn_ros.errors import PathBreakError, PathOpenError
from ik_nn_ros.path import DEFAULT_MAX_JOINT_STEP, Branch, follow
from ik_nn_ros.posterior.sampler import Sampler, Samples

ARM = PlanarArm((0.5, 0.4, 0.3, 0.2), prior_std=0.7, joint_limits=(-2.0, 2.0))
ANGLES = np.linspace(0.0, 1.0, 40)
ARC = 0.9 * np.stack((np.cos(ANGLES), np.sin(ANGLES)), axis=1)
POSES = np.column_stack((ARC, ANGLES + 0.4))  # the TCP turns with its bearing


@pytest.fixture(scope="module")
def solver():
    return IKSolver.exact(ARM)


@pytest.fixture(scope="module")
def pose_solver():
    return IKSolver.exact(ARM, "pose")


def test_an_exact_path_is_met_without_jumps_within_the_limits(solver):
    positions = np.array(list(follow(solver, ARC, 200, seed=1)))
    assert positions.shape == (40, 4)
    np.testing.assert_allclose(ARM.forward(positions), ARC, atol=1e-6)
    assert np.abs(np.diff(positions, axis=0)).max() <= DEFAULT_MAX_JOINT_STEP
    assert ARM.within_limits(positions).all()


def test_a_path_of_poses_keeps_to_its_headings(pose_solver):
    positions = np.array(list(follow(pose_solver, POSES, 200, seed=1)))
    np.testing.assert_allclose(ARM.forward(positions), ARC, atol=1e-6)
    np.testing.assert_allclose(ARM.headings(positions), POSES[:, 2], atol=1e-6)
    assert np.abs(np.diff(positions, axis=0)).max() <= DEFAULT_MAX_JOINT_STEP
    assert ARM.within_limits(positions).all()


def test_the_same_seed_gives_the_same_path(pose_solver):
    first, second = (list(follow(pose_solver, POSES, 50, seed=3)) for _ in "ab")
    np.testing.assert_array_equal(first, second)


def test_a_path_starts_nearest_to_the_seed_state(solver):
    state = np.array([0.8, -0.9, -0.7, 0.2])
    first = next(follow(solver, ARC, 500, seed=1, seed_state=state))
    solutions = solver.solve(ARC[0], 500, seed=1)
    assert np.linalg.norm(first - state) < np.linalg.norm(solutions.positions[0] - state)


def test_two_joints_follow_on_either_branch():
    solver = IKSolver.exact(PlanarArm((0.6, 0.5), prior="uniform"))
    for elbow in (-1.0, 1.0):
        positions = np.array(list(follow(solver, ARC, 10, seed_state=(0.0, elbow))))
        assert (np.sign(positions[:, 1]) == elbow).all()
        np.testing.assert_allclose(solver.arm.forward(positions), ARC, atol=1e-6)


def test_on_a_full_circle_joints_count_whole_turns_on():
    solver = IKSolver.exact(PlanarArm((0.5, 0.4, 0.3), prior="uniform"))
    angles = np.linspace(0.0, 4.0 * np.pi, 200)
    positions = np.array(
        list(follow(solver, 0.8 * np.stack((np.cos(angles), np.sin(angles)), axis=1), 50, seed=1))
    )
    turned = positions[-1, 0] - positions[0, 0]
    assert turned == pytest.approx(4.0 * np.pi, abs=0.5 * np.pi)


def test_a_pose_out_of_reach_breaks_the_path_where_it_is(pose_solver):
    poses = POSES.copy()
    poses[5] = (1.3, 0.0, np.pi)
    found = follow(pose_solver, poses, 50, seed=1)
    for _ in range(5):
        next(found)
    with pytest.raises(PathBreakError, match="with another heading the position is") as caught:
        next(found)
    assert caught.value.index == 5


def test_targets_of_another_task_are_refused(solver, pose_solver):
    for one, targets in ((solver, POSES), (pose_solver, ARC)):
        with pytest.raises(InvalidRequestError, match="targets: must be"):
            next(follow(one, targets))


UNIFORM = PlanarArm((0.4, 0.3, 0.25), prior="uniform", joint_limits=[(-3.14, 3.14)] * 3)


def followed(solver, targets, **keywords):
    """The positions as far as there are some, and why there are no more."""
    positions = []
    try:
        positions.extend(follow(solver, targets, 200, seed=1, **keywords))
    except PathBreakError as error:
        return np.array(positions), str(error)
    return np.array(positions), None


def test_no_turn_leads_beyond_a_limit_and_the_break_names_it():
    angles = np.linspace(0.0, 4.0 * np.pi, 400)
    circle = 0.7 * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    positions, reason = followed(IKSolver.exact(UNIFORM), circle)
    assert 50 < len(positions) < 400
    assert UNIFORM.within_limits(positions).all()
    assert "joint_1 is at its upper limit 3.140 rad" in reason


def test_joints_to_spare_pass_a_limit_by_the_null_space():
    """Joint 1 has to stop on the way; a sample of the posterior there is nowhere near."""
    limits = ((-0.2, 0.2), (-3.0, 3.0), (-3.0, 3.0), (-3.0, 3.0))
    arm = PlanarArm((0.5, 0.4, 0.3, 0.2), prior_std=0.6, joint_limits=limits)
    line = np.linspace((1.0, 0.0), (0.5, 0.8), 60)
    positions, reason = followed(IKSolver.exact(arm), line)
    assert reason is None
    assert arm.within_limits(positions).all()
    assert positions[:, 0].max() == pytest.approx(0.2)
    np.testing.assert_allclose(arm.forward(positions), line, atol=1e-6)


class Prior(Sampler):
    """Draws of the prior, wherever the target is: a path needs a start alone, and it is projected.

    The exact sampler's tables for an arm with limits would take longer than some hundred paths.
    """

    name = "prior"

    def __init__(self, arm):
        self.arm = arm

    def sample(self, targets, num_samples, rng):
        shape = len(targets), num_samples
        positions = self.arm.sample_prior(shape[0] * shape[1], rng).reshape(*shape, self.arm.dof)
        return Samples(positions, self.arm.position_errors(positions, targets[:, None]))


@pytest.mark.parametrize("number", range(20))
def test_limited_arms_at_random_keep_limits_and_steps_and_name_every_break(number):
    rng = np.random.default_rng(number)
    dof = int(rng.integers(3, 8))
    limits = np.stack((-rng.uniform(0.8, 2.8, dof), rng.uniform(0.8, 2.8, dof)), axis=1)
    prior = {"prior": "uniform"} if number % 2 else {"prior_std": 0.6}
    arm = PlanarArm(rng.uniform(0.1, 0.5, dof), joint_limits=limits, **prior)
    solver = IKSolver(Prior(arm))
    start, end = arm.forward(arm.sample_prior(2, rng))
    turn = np.linspace(0.0, 2.0 * np.pi, 80)
    circle = start + 0.1 * arm.reach[1] * np.stack((np.cos(turn) - 1.0, np.sin(turn)), axis=1)
    for targets in (np.linspace(start, end, 80), circle):
        positions, reason = followed(solver, targets)
        assert arm.within_limits(positions).all()
        assert np.abs(np.diff(positions, axis=0)).max() <= DEFAULT_MAX_JOINT_STEP
        np.testing.assert_allclose(arm.forward(positions), targets[: len(positions)], atol=1e-6)
        if len(positions) < len(targets):
            assert "limit" in reason or "out of reach" in reason or "would turn by" in reason


class Counting(Sampler):
    """Counts how often it is asked."""

    def __init__(self, sampler):
        self.name, self.arm, self.task = sampler.name, sampler.arm, sampler.task
        self._sampler, self.asked = sampler, 0

    def sample(self, targets, num_samples, rng):
        self.asked += 1
        return self._sampler.sample(targets, num_samples, rng)


def test_a_sampler_is_asked_for_the_start_alone(solver):
    sampler = Counting(solver.sampler)
    list(follow(IKSolver(sampler), ARC, 50, seed=1))
    assert sampler.asked == 1


def test_it_starts_in_the_turns_that_the_robot_is_in():
    solver = IKSolver.exact(PlanarArm((0.5, 0.4, 0.3), prior="uniform"))
    state = np.array((0.8 + 4.0 * np.pi, 0.9, -0.4))
    first = next(follow(solver, ARC[20:], 2000, seed=1, seed_state=state))
    assert np.abs(first - state).max() < np.pi


def loop(arm, turns=1):
    turn = np.linspace(0.0, 2.0 * np.pi * turns, 80 * turns)
    return (0.7, 0.2) + 0.2 * np.stack((np.cos(turn), np.sin(turn)), axis=1)


def branch(arm):
    return Branch(arm, POSITION, SolveOptions(), DEFAULT_MAX_JOINT_STEP)


def test_a_closed_path_ends_where_it_began(solver):
    targets = loop(ARM)
    positions = np.array(list(follow(solver, targets, 200, seed=1)))
    assert np.abs(positions[-1] - positions[0]).max() > 1e-3  # the short way does not close
    closed = branch(ARM).closed(positions, targets)
    np.testing.assert_array_equal(closed[-1], closed[0])
    np.testing.assert_array_equal(closed[0], positions[0])
    np.testing.assert_allclose(ARM.forward(closed), targets, atol=1e-6)
    assert ARM.within_limits(closed).all()
    assert np.abs(np.diff(closed, axis=0)).max() <= DEFAULT_MAX_JOINT_STEP


@pytest.mark.parametrize("count", [1, 2])
def test_a_closed_path_that_goes_nowhere_stays_where_it_is(solver, count):
    targets = loop(ARM)[:1].repeat(count, axis=0)
    positions = np.array(list(follow(solver, targets, 200, seed=1)))
    np.testing.assert_array_equal(branch(ARM).closed(positions, targets), positions)


def test_a_step_that_is_a_little_too_large_does_not_read_as_one_that_is_allowed(solver):
    targets = loop(ARM)[:2]
    positions = np.array(list(follow(solver, targets, 200, seed=1)))
    (step,) = np.abs(np.diff(positions, axis=0)).max(axis=1)
    with pytest.raises(PathBreakError) as caught:
        list(follow(solver, targets, 200, seed=1, max_joint_step=step * (1.0 - 1e-6)))
    said = re.search(r"by (\d\.\d+) rad, (\d\.\d+) rad are allowed", str(caught.value))
    assert float(said[1]) > float(said[2])


AROUND = np.linspace(0.0, 2.0 * np.pi, 120)
AROUND_BASE = 0.8 * np.stack((np.cos(AROUND), np.sin(AROUND)), axis=1)


def test_around_the_base_a_closed_path_ends_a_whole_turn_on():
    arm = PlanarArm((0.5, 0.4, 0.3), prior="uniform")
    positions = np.array(list(follow(IKSolver.exact(arm), AROUND_BASE, 50, seed=1)))
    closed = branch(arm).closed(positions, AROUND_BASE)
    turns = (closed[-1] - closed[0]) / (2.0 * np.pi)
    np.testing.assert_allclose(turns, [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(arm.forward(closed), AROUND_BASE, atol=1e-6)
    assert np.abs(np.diff(closed, axis=0)).max() <= DEFAULT_MAX_JOINT_STEP


def test_where_a_turn_is_another_position_it_does_not_come_back_and_says_by_how_much():
    arm = PlanarArm((0.5, 0.4, 0.3), prior_std=0.8)
    circle = AROUND_BASE
    positions = np.array(list(follow(IKSolver.exact(arm), circle, 50, seed=1)))
    with pytest.raises(PathOpenError, match=r"joint_\d is \+\d\.\d+ rad from there") as caught:
        branch(arm).closed(positions, circle)
    np.testing.assert_allclose(caught.value.gap, positions[-1] - positions[0])
