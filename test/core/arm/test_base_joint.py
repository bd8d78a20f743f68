"""What a base joint says of points, against automatic differentiation."""

import math

import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.base_joint import BASE_JOINTS

LINKS = (0.5, 0.7, 0.4)
POINTS = torch.tensor([[0.8, 0.3], [-1.1, 0.4], [0.2, -1.3]], dtype=torch.float64)


@pytest.fixture(params=sorted(BASE_JOINTS))
def name(request):
    return request.param


@pytest.fixture
def base(name):
    return BASE_JOINTS[name]


def test_coordinates_lead_back_to_the_points(base):
    torch.testing.assert_close(base.points(*base.coordinates(POINTS)), POINTS)
    in_numpy = base.points(*base.coordinates(POINTS.numpy()))
    np.testing.assert_allclose(in_numpy, POINTS.numpy(), atol=1e-12)


def test_the_area_element_is_the_determinant_of_the_coordinates(base):
    for point in POINTS:
        coordinates = torch.stack(base.coordinates(point))
        jacobian = torch.autograd.functional.jacobian(
            lambda pair: base.points(pair[0], pair[1]), coordinates
        )
        expected = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(base.log_area(coordinates[0]), expected)


def test_the_rate_is_the_derivative_of_the_distance(base):
    velocities = torch.tensor([[0.3, 0.2], [-0.1, 0.7], [0.5, -0.4]], dtype=torch.float64)
    _, expected = torch.autograd.functional.jvp(
        lambda points: base.coordinates(points)[0], POINTS, velocities
    )
    distance, rate = base.distance_and_rate(POINTS, velocities)
    torch.testing.assert_close(distance, base.distance(POINTS))
    torch.testing.assert_close(rate, expected)


def test_the_stiffness_is_the_hessian_of_the_distance_at_the_straight_arm(base):
    lengths = torch.tensor(LINKS, dtype=torch.float64)

    def distance(headings):
        tcp = torch.stack(((lengths * headings.cos()).sum(), (lengths * headings.sin()).sum()))
        return base.coordinates(tcp)[0]

    hessian = torch.autograd.functional.hessian(distance, torch.zeros(3, dtype=torch.float64))
    np.testing.assert_allclose(base.stiffness(np.array(LINKS)), -hessian, atol=1e-12)


def test_the_base_joint_moves_the_shift_and_leaves_the_distance(name, base):
    arm = PlanarArm(LINKS, base=name)
    theta = np.random.default_rng(0).uniform(-1.0, 1.0, (20, arm.dof))
    distance, shift = base.coordinates(arm.forward(theta))
    moved_distance, moved_shift = base.coordinates(arm.forward(theta + np.eye(arm.dof)[0] * 0.3))
    np.testing.assert_allclose(moved_distance, distance, atol=1e-12)
    np.testing.assert_allclose(base.difference(moved_shift, shift), 0.3, atol=1e-12)


def test_configurations_stay_within_the_reach(name, base):
    arm = PlanarArm(LINKS, base=name)
    theta = np.random.default_rng(0).uniform(-math.pi, math.pi, (1000, arm.dof))
    distance, _ = base.coordinates(arm.forward(theta))
    nearest, farthest = arm.reach
    assert nearest <= distance.min() < distance.max() <= farthest


def test_the_outline_is_at_its_distance(base):
    points = base.outline(1.5, 2.0, 9)
    assert points.shape == (9, 2)
    np.testing.assert_allclose(base.coordinates(points)[0], 1.5)
