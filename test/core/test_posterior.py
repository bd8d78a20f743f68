"""The exact posterior sampler."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ik_nn_ros import PlanarArm, posterior
from ik_nn_ros.posterior import ExactPosterior

LINKS = (0.5, 0.7, 0.4, 0.8, 1.0)
FREE = PlanarArm(LINKS, prior_std=(0.3, 0.5, 0.2, 0.4, 0.3))
LIMITED = PlanarArm(LINKS, prior_std=0.4, joint_limits=((-0.5, 1.0),) * 2 + ((-0.7, 0.7),) * 3)
RAIL = PlanarArm((0.5, 0.5, 1.0), prior_std=(0.25, 0.5, 0.5, 0.5), base="rail")
FULL_CIRCLE = PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform")


@pytest.mark.parametrize("dof", [2, 4, 6, 10, 15])
def test_every_sample_reaches_its_target(dof):
    arm = PlanarArm.of_paper(dof)
    rng = np.random.default_rng(0)
    targets = arm.forward(arm.sample_prior(3, rng))
    samples = ExactPosterior(arm).sample(targets, 50, rng)
    assert samples.positions.shape == (3, 50, dof)
    assert samples.log_densities is None
    assert np.abs(arm.forward(samples.positions) - targets[:, None]).max() < 1e-12


def test_two_joints_have_two_solutions_in_the_prior_s_proportion():
    arm = PlanarArm((1.0, 1.0), prior_std=(0.5, 1.0))
    target = arm.forward(np.array([0.8, -1.0]))
    samples = ExactPosterior(arm).sample(target[None], 20_000, np.random.default_rng(0))
    solutions, counts = np.unique(samples.positions[0].round(9), axis=0, return_counts=True)
    density = np.exp(arm.joint_log_priors(solutions).sum(1))
    np.testing.assert_allclose(counts / counts.sum(), density / density.sum(), atol=0.01)


@pytest.mark.parametrize("arm", [FREE, LIMITED, RAIL])
@pytest.mark.parametrize("theta", [(0.2, 0.4, -0.3, 0.2, 0.1), (0.3, -0.3, 0.3, -0.2, 0.2)])
def test_samples_agree_with_rejection_from_the_prior(arm, theta):
    """Prior samples near the target are the posterior, but for a bias below what the
    Kolmogorov-Smirnov test of a joint resolves; it fails for one seed in a thousand."""
    rng = np.random.default_rng(3)
    target = arm.forward(np.array(theta[: arm.dof]))
    prior = arm.sample_prior(1_000_000, rng)
    near = np.linalg.norm(arm.forward(prior) - target, axis=1) < 0.015
    rejection = prior[near & arm.within_limits(prior)]
    assert len(rejection) > 100
    exact = ExactPosterior(arm).sample(target[None], 2000, rng).positions[0]
    assert arm.within_limits(exact).all()
    for joint in range(arm.dof):
        assert ks_2samp(exact[:, joint], rejection[:, joint]).pvalue > 1e-3


@pytest.mark.parametrize("target", [(0.3, 0.2), (-1.2, 0.5), (0.0, 2.3)])
def test_full_circles_agree_with_rejection_from_the_prior(target):
    """As above. A whole turn of the arm turns the target, so distances alone decide."""
    rng = np.random.default_rng(4)
    prior = FULL_CIRCLE.sample_prior(1_000_000, rng)
    distance = np.linalg.norm(FULL_CIRCLE.forward(prior), axis=1)
    rejection = prior[np.abs(distance - np.linalg.norm(target)) < 0.003]
    assert len(rejection) > 500
    exact = ExactPosterior(FULL_CIRCLE).sample(np.array([target]), 2000, rng).positions[0]
    np.testing.assert_allclose(FULL_CIRCLE.forward(exact), np.tile(target, (2000, 1)), atol=1e-9)
    for joint in range(1, FULL_CIRCLE.dof):
        assert ks_2samp(exact[:, joint], rejection[:, joint]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("arm", "target"),
    [
        (PlanarArm.of_paper(4), (2.4, 0.3)),
        (PlanarArm.of_paper(4), (2.44, 0.3)),
        (FULL_CIRCLE, (0.3, 0.2)),
        (RAIL, (1.7, 0.3)),
    ],
)
def test_weights_give_the_evidence(arm, target):
    """sum over charts of the mean weight = p(target), here against a count of prior samples."""
    rng = np.random.default_rng(0)
    draws, count, radius = 20_000, 1_000_000, 0.01
    (log_evidence,) = ExactPosterior(arm).log_evidence(np.array([target]), draws, rng)
    near = np.linalg.norm(arm.forward(arm.sample_prior(count, rng)) - target, axis=1) < radius
    deviation = 4.0 / np.sqrt(near.sum())  # four standard deviations of the count
    expected = near.mean() / (np.pi * radius**2)
    np.testing.assert_allclose(np.exp(log_evidence), expected, rtol=deviation)


def test_a_target_far_from_what_the_prior_reaches_has_samples_too():
    """Its evidence, about e^-1300, is no floating-point number."""
    arm = PlanarArm((0.5, 0.5, 0.5, 1.0), prior_std=0.05)
    target = np.array([[-2.4, 0.1]])
    samples = ExactPosterior(arm).sample(target, 10, np.random.default_rng(0)).positions
    assert np.abs(arm.forward(samples) - target).max() < 1e-12
    (log_evidence,) = ExactPosterior(arm).log_evidence(target, 1000, np.random.default_rng(0))
    assert -1500 < log_evidence < -1200


@pytest.mark.parametrize("slack", [1e-2, 1e-5, 1e-9])
def test_targets_near_full_reach_are_sampled_as_well_as_others(slack):
    arm = PlanarArm.of_paper(6)
    target = np.array([[arm.reach[1] - slack, 0.0]])
    candidates = ExactPosterior(arm).candidates(target, 2000, np.random.default_rng(0))
    weights = np.exp(candidates.log_weights - candidates.log_weights.max())
    assert weights.sum() ** 2 / np.square(weights).sum() > 0.1 * weights.size


def test_no_sample_comes_twice():
    arm = PlanarArm.of_paper(6)
    samples = ExactPosterior(arm).sample(np.array([[3.0, 0.5]]), 1000, np.random.default_rng(0))
    assert len(np.unique(samples.positions[0], axis=0)) == 1000


def test_a_sample_alone_is_one_of_many():
    """Of few candidates the best one is accepted too often."""
    exact, target = (
        ExactPosterior(PlanarArm((0.4, 0.3, 0.25), prior_std=0.5)),
        np.array([[0.3, 0.3]]),
    )
    many = exact.sample(target, 4000, np.random.default_rng(0)).positions[0]
    alone = [exact.sample(target, 1, np.random.default_rng(i)).positions[0, 0] for i in range(400)]
    for joint in range(3):
        assert ks_2samp(many[:, joint], np.array(alone)[:, joint]).pvalue > 1e-3


def test_many_samples_take_no_more_candidates_at_once(monkeypatch):
    most, num_samples = 1 << 13, 500  # of which the last are still more than a least pass
    monkeypatch.setattr(posterior, "MAX_CANDIDATES", most)
    passes = []

    class Watched(ExactPosterior):
        def candidates(self, targets, draws_per_chart, rng):
            candidates = super().candidates(targets, draws_per_chart, rng)
            passes.append(candidates.log_weights.size)
            return candidates

    target = np.array([[1.9, 0.3]])
    samples = Watched(PlanarArm.of_paper(4)).sample(target, num_samples, np.random.default_rng(0))
    assert samples.positions.shape == (1, num_samples, 4)
    assert samples.position_errors.max() < 1e-12
    assert len(passes) > 3
    assert max(passes) < 1.01 * most  # each chart's share is rounded up


def test_the_same_generator_gives_the_same_samples():
    arm = PlanarArm.of_paper(6)
    target = np.array([[3.0, 0.5]])
    first, second = (
        ExactPosterior(arm).sample(target, 20, np.random.default_rng(5)).positions for _ in "ab"
    )
    assert np.array_equal(first, second)


def test_an_unreachable_target_gives_nan():
    samples = ExactPosterior(PlanarArm.of_paper(4)).sample(
        np.array([[9.0, 0.0]]), 3, np.random.default_rng(0)
    )
    assert np.isnan(samples.positions).all()
