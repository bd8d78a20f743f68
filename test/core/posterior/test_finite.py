"""Arms all of whose joints close the chain: every solution once, with its share of them all."""

from __future__ import annotations

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import TASKS
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.chart_mixture import ChartMixture

PLENTY = 400  # samples, more than there are solutions
CASES = {
    "two joints": (PlanarArm((1.0, 0.7), (0.8, 1.2), prior_mean=(0.2, -0.4)), "position"),
    "several turns": (PlanarArm((1.0, 0.7), (5.0, 3.0)), "position"),
    "limits over a turn": (PlanarArm((1.0, 0.7), 2.0, (-4.0, 9.0)), "position"),
    "limits": (PlanarArm((1.0, 0.7), 0.8, ((-1.0, 2.0), (0.2, 2.5))), "position"),
    "circles": (PlanarArm((1.0, 0.7), prior="uniform"), "position"),
    "pose": (PlanarArm((1.0, 0.7, 0.4), (0.8, 1.2, 2.5)), "pose"),
    "pose within limits": (PlanarArm((1.0, 0.7, 0.4), 0.8, (-2.0, 2.0)), "pose"),
    "rail and one link": (PlanarArm((0.7,), (0.5, 1.0), base="rail"), "position"),
    "rail and two links": (PlanarArm((0.7, 0.4), (0.5, 1.0, 1.5), base="rail"), "pose"),
}
EVERY_CASE = pytest.mark.parametrize(("arm", "task"), CASES.values(), ids=CASES)


@EVERY_CASE
def test_each_solution_comes_once_with_its_share_of_the_evidence(arm, task):
    exact, rng = ExactPosterior(arm, task), np.random.default_rng(0)
    reference = ChartMixture(arm, task)
    assert exact.finite
    for theta in arm.sample_prior(10, rng):
        target = TASKS[task].forward(arm, theta)
        samples = exact.sample(target[None], PLENTY, rng)
        positions, log_weights = samples.positions[0], samples.log_weights[0]
        found = np.isfinite(positions).all(1)
        assert 0 < found.sum() < PLENTY
        assert np.isneginf(log_weights[~found]).all()
        positions, log_weights = positions[found], log_weights[found]
        np.testing.assert_allclose(TASKS[task].residual(arm, positions, target), 0.0, atol=1e-11)
        assert arm.within_limits(positions).all()
        assert np.abs(positions - theta).max(1).min() < 1e-6  # the configuration itself is one
        assert len(np.unique(positions.round(6), axis=0)) == len(positions)
        determinants = np.linalg.det(TASKS[task].jacobian(arm, positions))
        expected = arm.log_prior(positions) - np.log(np.abs(determinants))
        np.testing.assert_allclose(log_weights, expected, atol=1e-7)
        # All of them together are the evidence: none is missing. Turns with less than 1e-9 of the
        # likeliest one's share are left out.
        evidence = reference.log_evidence(target, 10, rng)
        assert np.logaddexp.reduce(log_weights) == pytest.approx(evidence, abs=1e-6)
        assert samples.log_evidence[0] == pytest.approx(evidence, abs=1e-6)


def test_an_angle_with_many_turns_is_listed_in_each_of_them():
    arm = PlanarArm((1.0, 0.7), 2.0, ((-10.0, 10.0), (-1.0, 3.0)))
    target = arm.forward(np.array([0.4, 1.0]))
    positions = ExactPosterior(arm).sample(target[None], PLENTY, np.random.default_rng(0)).positions
    bent_up = positions[0][positions[0, :, 1] > 0.0]
    np.testing.assert_allclose(np.sort(bent_up[:, 0]), 0.4 + 2.0 * np.pi * np.array((-1, 0, 1)))


def test_fewer_than_all_are_drawn_by_their_shares():
    arm, rng = PlanarArm((1.0, 0.7), 0.8, prior_mean=(0.2, 0.5)), np.random.default_rng(1)
    exact, target = ExactPosterior(arm), arm.forward(np.array([0.3, 0.6]))[None]
    both = exact.sample(target, 2, rng)
    shares = np.exp(both.log_weights[0] - both.log_evidence[0])
    likeliest = both.positions[0, shares.argmax()]
    hits = [
        np.allclose(exact.sample(target, 1, rng).positions[0, 0], likeliest) for _ in range(2000)
    ]
    deviation = np.sqrt(shares.max() * (1.0 - shares.max()) / len(hits))
    assert shares.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.mean(hits) == pytest.approx(shares.max(), abs=4.0 * deviation)


@EVERY_CASE
def test_out_of_reach_there_is_no_solution(arm, task):
    target = np.array((30.0, 0.5, 0.2))[: TASKS[task].size]
    samples = ExactPosterior(arm, task).sample(target[None], 5, np.random.default_rng(0))
    assert np.isnan(samples.positions).all()
    assert np.isnan(samples.position_errors).all()
    assert np.isneginf(samples.log_evidence).all()


@pytest.mark.parametrize("bearing", [0.0, 2.5])
@pytest.mark.parametrize("distance", [1.7, 1.7 * (1.0 + 1e-12), 0.3, 0.3 * (1.0 - 1e-12)])
def test_the_edges_of_the_reach_are_in_reach(distance, bearing):
    arm = PlanarArm((1.0, 0.7), prior="uniform")
    target = distance * np.array((np.cos(bearing), np.sin(bearing)))
    samples = ExactPosterior(arm).sample(target[None], 2, np.random.default_rng(0))
    assert np.isfinite(samples.positions).all()
    assert arm.position_errors(samples.positions[0], target).max() < 1e-11
