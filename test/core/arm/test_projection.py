"""Projection onto the target."""

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.projection import project

TOLERANCE = 1e-6


@pytest.mark.parametrize("dof", [2, 4, 6, 10])
def test_nearby_configurations_converge(dof):
    arm = PlanarArm.of_paper(dof)
    rng = np.random.default_rng(0)
    theta = arm.sample_prior(500, rng)
    targets = arm.forward(theta)
    start = theta + 0.05 * rng.standard_normal(theta.shape)
    reachable = np.linalg.norm(targets, axis=1) < arm.reach[1] - 0.01
    result = project(arm, start[reachable], targets[reachable], TOLERANCE)
    assert result.converged.mean() > 0.995
    errors = np.linalg.norm(arm.forward(result.positions) - targets[reachable], axis=1)
    np.testing.assert_allclose(errors, result.errors, atol=1e-12)
    assert np.array_equal(result.converged, errors <= TOLERANCE)


def test_errors_that_are_known_are_taken_as_they_are():
    arm = PlanarArm.of_paper(4)
    start, target = np.full((3, 4), 0.1), np.array([2.0, 0.3])
    measured = project(arm, start, target, TOLERANCE)
    known = arm.position_errors(start, target)
    known[0] = 0.0
    result = project(arm, start, target, TOLERANCE, known)
    assert np.array_equal(result.positions[0], start[0])
    assert np.array_equal(result.positions[1:], measured.positions[1:])
    assert known[1] == known[2] > TOLERANCE >= result.errors[1]


def test_the_start_is_left_alone_and_exact_rows_do_not_move():
    arm = PlanarArm.of_paper(4)
    start = np.array([[0.1, 0.2, 0.3, 0.1], [0.3, 0.3, -0.1, 0.2]])
    copy = start.copy()
    target = arm.forward(start[0])
    result = project(arm, start, target, TOLERANCE)
    assert np.array_equal(start, copy)
    assert np.array_equal(result.positions[0], start[0])
    assert result.converged.all()


def test_the_step_is_the_shortest_one():
    """A small correction has no part along the self-motion, where the Jacobian vanishes."""
    arm = PlanarArm.of_paper(6)
    start = np.array([[0.2, -0.3, 0.1, 0.25, -0.1, 0.3]])
    target = arm.forward(start) + 1e-4
    moved = project(arm, start, target, TOLERANCE).positions - start
    jacobian = arm.jacobian(start)[0]
    self_motion = np.linalg.svd(jacobian)[2][2:]
    assert np.abs(self_motion @ moved[0]).max() < 1e-3 * np.linalg.norm(moved)


def test_a_straight_arm_is_a_singularity_that_does_not_throw_it_about():
    arm = PlanarArm.of_paper(6)
    result = project(arm, np.zeros((1, 6)), np.array([3.4, 0.0]), TOLERANCE)
    assert np.isfinite(result.positions).all()
    assert np.abs(result.positions).max() < np.pi


@pytest.mark.parametrize("beyond", [1e-5, 0.01, 5.0])
def test_unreachable_targets_do_not_converge(beyond):
    arm = PlanarArm.of_paper(4)
    target = np.array([arm.reach[1] + beyond, 0.0])
    result = project(arm, np.full((10, 4), 0.1), target, TOLERANCE)
    assert not result.converged.any()
    assert np.isfinite(result.positions).all()
    assert result.errors.min() >= beyond - 1e-12
