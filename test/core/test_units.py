"""An arm and the same arm in another size, or in other units: equal answers, flags and figures."""

from dataclasses import replace

import numpy as np
import pytest

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.arm.planar_arm import PAPER_LAST_LINK_LENGTH
from ik_nn_ros.arm.task import task_named
from ik_nn_ros.backends import build_sampler
from ik_nn_ros.checkpoint import load_checkpoint
from ik_nn_ros.hull import tcp_hull
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.models.architectures import INNConfig
from ik_nn_ros.path import follow

SIZES = (1000.0, 1e-4)
ARMS = {
    "normal": PlanarArm([0.25, 0.25, 0.066], prior_std=0.5),
    "limits": PlanarArm([0.4, 0.3, 0.25], prior="uniform", joint_limits=[(-2.0, 2.0)] * 3),
    "circle": PlanarArm([0.4, 0.3, 0.25], prior="uniform"),
    "rail": PlanarArm(
        [0.45, 0.3], base="rail", prior_std=[0.1, 0.7, 0.7], joint_limits=[(-0.4, 0.5), None, None]
    ),
    "rail, pose": PlanarArm(
        [0.3, 0.3, 0.15], base="rail", prior_std=[0.1, 0.7, 0.7, 0.7], prior_mean=[0.1, 0, 0, 0]
    ),
}


def of_size(arm, size):
    """The arm, so many times as large, and by what its joint positions are multiplied."""
    factors = np.where([joint.is_angle for joint in arm.joints], 1.0, size)
    larger = {"link_lengths": [size * length for length in arm.link_lengths]}
    for name in ("prior_mean", "prior_std", "joint_limits"):
        given = getattr(arm, name)
        if arm.base == "rail" and given is not None:
            pairs = zip(given, factors, strict=True)
            larger[name] = [None if one is None else np.multiply(one, by) for one, by in pairs]
    return replace(arm, **larger), factors


def assert_alike(one, other, size, factors):
    """Two answers, the second one of an arm so many times as large."""
    assert len(one) == len(other) > 1
    np.testing.assert_allclose(other.positions / factors, one.positions, atol=1e-6)
    assert other.off_distribution is one.off_distribution
    assert other.log_evidence + 2.0 * np.log(size) == pytest.approx(one.log_evidence, abs=1e-6)
    assert (other.weights is None) is (one.weights is None)
    if one.weights is not None:
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-4)
    chosen = one.representatives(2), other.representatives(2)
    np.testing.assert_array_equal(chosen[0].indices, chosen[1].indices)


def test_the_paper_s_arms_have_a_unit_of_1_m():
    for dof in (2, 4, 6, 15):
        assert PlanarArm.of_paper(dof).unit == pytest.approx(PAPER_LAST_LINK_LENGTH)
    rail = PlanarArm([10.0, 10.0, 20.0], base="rail")
    np.testing.assert_allclose(rail.joint_units, [20.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ARMS)
def test_exact_answers_an_arm_of_any_size_alike(name, size):
    arm, task = ARMS[name], "pose" if "pose" in name else "position"
    larger, factors = of_size(arm, size)
    target = np.array([0.5, 0.15, 0.4])[: task_named(task).size]
    scale = np.array([size, size, 1.0])[: len(target)]
    solvers = IKSolver.exact(arm, task), IKSolver.exact(larger, task)
    state = 0.3 * np.ones(arm.dof)
    for options in ({}, {"seed_state": state}, {"weighted": True}):
        one = solvers[0].solve(target, 60, seed=1, **options)
        if "seed_state" in options:
            options = {"seed_state": factors * state}
        assert_alike(one, solvers[1].solve(scale * target, 60, seed=1, **options), size, factors)
    targets = target + np.linspace(0.0, 0.02, 4)[:, None]
    ways = [
        np.array([*follow(solver, by * targets, 30, seed=1, max_joint_step=0.5)])
        for solver, by in zip(solvers, (1.0, scale), strict=True)
    ]
    np.testing.assert_allclose(ways[1] / factors, ways[0], atol=1e-6)


def scaled_features(config, size):
    """By what a network's features of targets are multiplied."""
    return (size**0.5, 1.0) if isinstance(config, INNConfig) else (size, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
def test_networks_answer_an_arm_of_any_size_alike(model, size):
    trained = load_checkpoint(pretrained_path(model, 4)).model
    tensors = dict(trained.tensors)
    if model != "cinn":  # its features have no units
        scale = np.array(scaled_features(trained.config, size), np.float32)
        for name in ("target_mean", "target_std"):
            tensors[name] = tensors[name] * scale
    arm, factors = of_size(trained.arm, size)
    larger = trained._replace(arm=arm, tensors=tensors, probe=None)
    solvers = [IKSolver(build_sampler(one, "cpu", "numba")) for one in (trained, larger)]
    for target in ((2.2, 0.4), (2.499, 0.0), (-1.0, 0.2)):
        one, other = (
            solver.solve(by * np.array(target), 50, seed=1)
            for solver, by in zip(solvers, (1.0, size), strict=True)
        )
        order = [np.lexsort(answer.positions.round(3).T) for answer in (one, other)]
        np.testing.assert_allclose(
            other.positions[order[1]] / factors, one.positions[order[0]], atol=2e-3
        )
        assert other.off_distribution is one.off_distribution
        np.testing.assert_array_less(other.position_errors, 1e-6 * arm.unit)


@pytest.mark.parametrize("size", SIZES)
def test_the_hull_of_tcps_is_as_large_as_the_arm(size):
    rng = np.random.default_rng(0)
    tcp, target = rng.normal((3.0, 0.5), 1e-3, (200, 2)), np.array([3.0, 0.5])
    hull, larger = tcp_hull(tcp, target), tcp_hull(size * tcp, size * target, unit=size)
    np.testing.assert_allclose(larger.corners, size * hull.corners)
    rounded = target + 1e-13 * rng.standard_normal((200, 2))
    assert len(tcp_hull(size * rounded, size * target, unit=size).corners) == 1
