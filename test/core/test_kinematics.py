"""The planar arm: forward kinematics, Jacobian, prior, limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ik_nn_ros import InvalidArmError, PlanarArm
from ik_nn_ros.kinematics import CHUNK_SIZE

arms = st.builds(
    lambda links, base: PlanarArm(tuple(links), base=base),
    st.lists(st.floats(0.05, 3.0), min_size=2, max_size=12),
    st.sampled_from(["revolute", "rail"]),
)


def test_paper_arm_has_half_metre_links_and_a_last_link_of_one_metre():
    arm = PlanarArm.of_paper(6)
    assert arm.link_lengths == (0.5, 0.5, 0.5, 0.5, 0.5, 1.0)
    assert arm.prior_std == (0.2,) * 6
    assert arm.reach == (0.0, 3.5)


def test_inner_reach_is_what_the_longest_link_leaves():
    assert PlanarArm((2.0, 0.5, 0.5)).reach == (1.0, 3.0)


def test_forward_follows_equation_one():
    theta = np.array([0.3, -0.2, 0.9])
    arm = PlanarArm((0.5, 0.7, 1.1))
    x = sum(link * math.cos(sum(theta[: i + 1])) for i, link in enumerate(arm.link_lengths))
    y = sum(link * math.sin(sum(theta[: i + 1])) for i, link in enumerate(arm.link_lengths))
    np.testing.assert_allclose(arm.forward(theta), (x, y), atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_numpy_and_torch_agree_and_keep_their_types(arm, seed):
    theta = np.random.default_rng(seed).uniform(-3.0, 3.0, (4, 3, arm.dof))
    for method in (arm.forward, arm.jacobian, arm.joint_positions):
        in_torch = method(torch.from_numpy(theta))
        assert in_torch.dtype == torch.float64
        np.testing.assert_allclose(method(theta), in_torch.numpy(), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_jacobian_is_the_derivative_of_forward(arm, seed):
    theta = torch.from_numpy(np.random.default_rng(seed).uniform(-3.0, 3.0, arm.dof))
    expected = torch.autograd.functional.jacobian(arm.forward, theta)
    np.testing.assert_allclose(arm.jacobian(theta).numpy(), expected.numpy(), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(arms, st.integers(0, 2**32 - 1))
def test_joint_positions_run_from_the_base_to_the_tcp_along_the_links(arm, seed):
    theta = np.random.default_rng(seed).uniform(-3.0, 3.0, (5, arm.dof))
    points = arm.joint_positions(theta)
    assert points.shape == (5, arm.dof + 1, 2)
    assert np.all(points[:, 0] == 0.0)
    np.testing.assert_allclose(points[:, -1], arm.forward(theta), atol=1e-12)
    lengths = np.linalg.norm(np.diff(points, axis=1), axis=2)
    if arm.base == "rail":
        np.testing.assert_allclose(lengths[:, 0], np.abs(theta[:, 0]), atol=1e-12)
        lengths = lengths[:, 1:]
    np.testing.assert_allclose(lengths, np.tile(arm.link_lengths, (5, 1)), atol=1e-12)


def test_prior_samples_have_each_joint_s_own_deviation():
    arm = PlanarArm((1.0, 1.0, 1.0), prior_std=(0.1, 0.2, 0.4))
    samples = arm.sample_prior(20_000, np.random.default_rng(0))
    np.testing.assert_allclose(samples.std(0), arm.prior_std, rtol=0.03)


def test_a_uniform_prior_covers_the_circle():
    arm = PlanarArm((1.0, 1.0), prior="uniform")
    samples = arm.sample_prior(20_000, np.random.default_rng(0))
    assert np.abs(samples).max() <= np.pi
    np.testing.assert_allclose(samples.std(0), arm.prior_std, rtol=0.02)


def test_differences_go_the_short_way_round_a_full_circle_only():
    first, second = np.radians([178.0, 10.0]), np.radians([-178.0, -20.0])
    full = PlanarArm((1.0, 1.0), prior="uniform").joint_differences(first, second)
    np.testing.assert_allclose(np.degrees(full), [-4.0, 30.0])
    plain = PlanarArm((1.0, 1.0)).joint_differences(first, second)
    np.testing.assert_allclose(np.degrees(plain), [356.0, 30.0])


@pytest.mark.parametrize(
    ("prior", "std", "end"), [("normal", (0.1, 0.5), 5.0), ("uniform", None, np.pi)]
)
def test_joint_log_priors_integrate_to_one(prior, std, end):
    arm = PlanarArm((1.0, 1.0), prior_std=std, prior=prior)
    grid = np.linspace(-end, end, 20_001)
    density = np.exp(arm.joint_log_priors(np.stack((grid, grid), axis=1)))
    np.testing.assert_allclose(density.sum(0) * (grid[1] - grid[0]), 1.0, atol=1e-4)


@pytest.mark.parametrize(
    "arm", [PlanarArm((1.0, 1.0), prior_std=(0.1, 0.5)), PlanarArm((1.0, 1.0), prior="uniform")]
)
def test_the_log_prior_is_the_sum_of_the_joints(arm):
    theta = arm.sample_prior(20, np.random.default_rng(0)).reshape(4, 5, arm.dof)
    np.testing.assert_allclose(arm.log_prior(theta), arm.joint_log_priors(theta).sum(-1))


def test_position_errors_broadcast_and_are_those_of_forward_kinematics():
    arm = PlanarArm((1.0, 0.5))
    theta = np.zeros((2, CHUNK_SIZE, 2))
    theta[1, -1] = 0.0, np.pi / 2.0  # beyond the first chunk
    errors = arm.position_errors(theta, np.array([1.5, 0.0]))
    assert errors.shape == theta.shape[:2]
    assert errors[1, -1] == pytest.approx(np.hypot(0.5, 0.5))
    assert np.count_nonzero(errors) == 1


def test_limits_are_kept_joint_by_joint():
    arm = PlanarArm((1.0, 1.0), joint_limits=((-1.0, 1.0), (0.0, 2.0)))
    theta = np.array([[0.0, 1.0], [1.5, 1.0], [0.0, -0.1]])
    assert arm.within_limits(theta).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "arm",
    [
        PlanarArm((1.0, 2.0), prior_std=0.3, joint_limits=((-1, 1), (-2, 2))),
        PlanarArm((1.0, 2.0), prior="uniform"),
        PlanarArm((1.0, 2.0), prior_std=(0.1, 0.2, 0.3), base="rail"),
    ],
)
def test_an_arm_survives_its_dictionary(arm):
    assert PlanarArm.from_dict(arm.to_dict()) == arm


@pytest.mark.parametrize(
    "fields",
    [
        {"link_lengths": (1.0,)},
        {"link_lengths": (1.0, -1.0)},
        {"link_lengths": (1.0, 1.0), "base": "wheels"},
        {"link_lengths": (1.0, 1.0), "base": "rail", "prior": "uniform"},
        {"link_lengths": (1.0, 1.0), "base": "rail", "prior_std": (0.1, 0.1)},
        {"link_lengths": (1.0, math.nan)},
        {"link_lengths": (1.0, 1.0), "prior_std": 0.0},
        {"link_lengths": (1.0, 1.0), "prior_std": (0.1,)},
        {"link_lengths": (1.0, 1.0), "prior_std": "wide"},
        {"link_lengths": ("a", 1.0)},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((0,), (1, 2))},
        {"link_lengths": (1.0, 1.0), "prior_std": (0.1, 0.1, 0.1)},
        {"link_lengths": (1.0, 1.0), "prior": "triangular"},
        {"link_lengths": (1.0, 1.0), "prior": "uniform", "prior_std": 0.2},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((0.0, 1.0),)},
        {"link_lengths": (1.0, 1.0), "joint_limits": ((1.0, 0.0), (0.0, 1.0))},
    ],
)
def test_impossible_arms_are_refused(fields):
    with pytest.raises(InvalidArmError):
        PlanarArm(**fields)
