"""Joint positions along a path, on one branch of the solutions."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver, InvalidRequestError, PlanarArm
from ik_nn_ros.errors import PathBreakError
from ik_nn_ros.path import DEFAULT_MAX_JOINT_STEP, follow

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
