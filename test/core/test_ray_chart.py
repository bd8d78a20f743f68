"""The solution set as rays: back and forth, exactness, volume."""

import math

import numpy as np
import pytest
import torch

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.arrays import matching
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.ray_chart import RayChart, ray_directions

RAIL = PlanarArm((0.5, 0.5, 1.0), prior_std=(0.25, 0.3, 0.3, 0.3), base="rail")


def directions_of(chart, theta):
    return ray_directions(theta, matching(chart.from_joints, theta))


def prior_samples(arm, count):
    return torch.from_numpy(arm.sample_prior(count, np.random.default_rng(0)))


@pytest.mark.parametrize("arm", [*map(PlanarArm.of_paper, (2, 4, 10, 15)), RAIL], ids=repr)
def test_a_configuration_is_found_again_from_its_direction_and_target(arm):
    chart, theta = RayChart(arm), prior_samples(arm, 5000)
    directions, targets = directions_of(chart, theta), arm.forward(theta)
    found = chart.solve(directions, targets)
    torch.testing.assert_close(found, theta, rtol=0.0, atol=1e-7)
    torch.testing.assert_close(arm.forward(found), targets, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("slack", [0.0, 1e-9, 1e-3, 0.5])
def test_every_direction_reaches_a_target_near_the_rim(slack):
    arm = PlanarArm.of_paper(6)
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(1000, 5, dtype=torch.float64, generator=generator)
    directions = torch.nn.functional.normalize(directions, dim=1)
    distance = arm.reach[1] - slack
    targets = torch.tensor([[0.6 * distance, -0.8 * distance]]).double().expand(1000, 2)
    reached = arm.forward(RayChart(arm).solve(directions, targets))
    assert torch.linalg.vector_norm(reached - targets, dim=1).max() < 1e-9


def test_a_ray_that_never_comes_so_near_gives_an_arm_beside_the_target_without_density():
    arm = PlanarArm((1.0, 1.0, 1.0))
    chart = RayChart(arm)
    # One joint alone folds the last link back upon the middle one, and comes no nearer than 1 m.
    theta = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    targets = torch.tensor([[0.2, 0.1]], dtype=torch.float64)
    beside = chart.solve(directions_of(chart, theta), targets)
    assert beside.isfinite().all()
    assert chart.log_volume(beside, targets).tolist() == [math.inf]


@pytest.mark.parametrize(
    ("arm", "target"), [(PlanarArm.of_paper(4), (2.4, 0.3)), (RAIL, (1.8, -0.3))], ids=repr
)
def test_the_volume_integrates_to_the_evidence(arm, target):
    """The integral of prior * dS / dOmega over all directions is p(target); the exact sampler's
    weights give the same."""
    target = np.array([target])
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((200_000, 3))
    directions = torch.from_numpy(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    chart, targets = RayChart(arm), torch.from_numpy(target).expand(len(directions), 2)
    theta = chart.solve(directions, targets)
    log_prior = arm.joint_log_priors(theta.numpy()).sum(1)
    sphere = 4.0 * math.pi
    evidence = sphere * np.exp(log_prior + chart.log_volume(theta, targets).numpy()).mean()
    expected = np.exp(ExactPosterior(arm).draw(target[0], 50_000, rng).log_evidence)
    assert evidence == pytest.approx(expected, rel=0.02)


def test_arrays_and_tensors_have_the_same_points():
    arm = PlanarArm.of_paper(6)
    chart, theta = RayChart(arm), prior_samples(arm, 100)
    arrays, tensors = (
        chart.solve(directions_of(chart, values), arm.forward(values))
        for values in (theta.numpy(), theta)
    )
    np.testing.assert_allclose(arrays, tensors.numpy(), rtol=1e-12, atol=1e-12)
    targets = arm.forward(theta)
    np.testing.assert_allclose(
        chart.log_volume(arrays, targets.numpy()),
        chart.log_volume(tensors, targets).numpy(),
        rtol=1e-12,
        atol=1e-12,
    )


def test_a_network_keeps_the_signs_that_it_was_trained_with(monkeypatch):
    """Eigenvectors come with either sign, by the library that computes them."""
    target, bends = (2.2, 0.5), RayChart._bends
    expected = IKSolver.from_pretrained(4).solve(target, 50, seed=1).positions
    monkeypatch.setattr(RayChart, "_bends", lambda chart: -bends(chart))
    positions = IKSolver.from_pretrained(4).solve(target, 50, seed=1).positions
    np.testing.assert_array_equal(positions, expected)
