"""The exact posterior sampler."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ik_nn_ros import PlanarArm, posterior
from ik_nn_ros.charts import pair_roots, volumes
from ik_nn_ros.posterior import ExactPosterior

LINKS = (0.5, 0.7, 0.4, 0.8, 1.0)
FREE = PlanarArm(LINKS, prior_std=(0.3, 0.5, 0.2, 0.4, 0.3))
LIMITED = PlanarArm(LINKS, prior_std=0.4, joint_limits=((-0.5, 1.0),) * 2 + ((-0.7, 0.7),) * 3)
RAIL = PlanarArm((0.5, 0.5, 1.0), prior_std=(0.25, 0.5, 0.5, 0.5), base="rail")
WIDE = PlanarArm((0.5, 0.7, 0.4), prior_std=(2.5, 1.5, 1.0))
ROUND = PlanarArm(
    (0.5, 0.7, 0.4), prior_std=1.5, joint_limits=((-1.0, 7.0), (2.0, 4.5), (-9.0, 9.0))
)
WIDE_RAIL = PlanarArm((0.5, 0.7, 1.0), prior_std=(3.0, 1.5, 2.0, 1.0), base="rail")
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


@pytest.mark.parametrize("arm", [WIDE, ROUND, WIDE_RAIL])
@pytest.mark.parametrize("target", [(0.9, 0.3), (-0.5, -0.7)])
def test_joints_that_turn_beyond_half_a_turn_agree_with_rejection_too(arm, target):
    rng = np.random.default_rng(5)
    prior = arm.sample_prior(1_000_000, rng)
    near = np.linalg.norm(arm.forward(prior) - target, axis=1) < 0.02
    rejection = prior[near & arm.within_limits(prior)]
    exact = ExactPosterior(arm).sample(np.array([target]), 2000, rng).positions[0]
    np.testing.assert_allclose(arm.forward(exact), np.tile(target, (2000, 1)), atol=1e-9)
    assert arm.within_limits(exact).all()
    assert (np.abs(exact[:, -2]) > np.pi).any()
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
        (WIDE, (0.9, 0.3)),
        (WIDE_RAIL, (-0.5, -0.7)),
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


def test_the_widest_prior_is_as_good_as_uniform():
    """Over all turns a normal prior of 6 rad varies by less than a millionth."""
    target, rng = np.array([[0.7, 0.4]]), np.random.default_rng(0)
    arms = PlanarArm((0.5, 0.7, 0.4, 0.6), 6.0), PlanarArm((0.5, 0.7, 0.4, 0.6), prior="uniform")
    wide, uniform = (ExactPosterior(arm).log_evidence(target, 50_000, rng) for arm in arms)
    np.testing.assert_allclose(wide, uniform, atol=0.03)


def test_a_target_far_from_what_the_prior_reaches_has_samples_too():
    """Its evidence, about e^-1300, is no floating-point number."""
    arm = PlanarArm((0.5, 0.5, 0.5, 1.0), prior_std=0.05)
    target = np.array([[-2.4, 0.1]])
    samples = ExactPosterior(arm).sample(target, 10, np.random.default_rng(0)).positions
    assert np.abs(arm.forward(samples) - target).max() < 1e-12
    (log_evidence,) = ExactPosterior(arm).log_evidence(target, 1000, np.random.default_rng(0))
    assert -1500 < log_evidence < -1200


@pytest.mark.parametrize("target", [(1.5, 0.5), (0.3, 0.1), (1e-4, 0.0), (0.0, 0.0)])
def test_a_target_far_from_the_prior_s_bulk_has_its_posterior_too(target):
    """Against weighted draws of two joints over all that they can be, the two others solved."""
    arm, rng, target = PlanarArm.of_paper(4), np.random.default_rng(0), np.array(target)
    drawn = np.zeros((2_000_000, 4))
    drawn[:, 0] = rng.uniform(-1.0, 1.0, len(drawn))
    drawn[:, 1] = rng.uniform(-np.pi, np.pi, len(drawn))
    roots = np.concatenate(pair_roots(arm, drawn, (2, 3), target))
    roots = roots[np.isfinite(roots).all(1)]
    weights = np.exp(arm.log_prior(roots)) / volumes(arm, roots, 2, 3)
    expected = rng.choice(roots, 5000, p=weights / weights.sum())
    exact = ExactPosterior(arm).sample(target[None], 1000, rng).positions[0]
    assert np.abs(arm.forward(exact) - target).max() < 1e-9
    assert len(np.unique(exact, axis=0)) == 1000
    for joint in range(4):
        assert ks_2samp(exact[:, joint], expected[:, joint]).pvalue > 1e-4


def test_a_target_far_from_the_prior_s_bulk_in_another_turn_keeps_the_limits():
    """Joint 1 has to be beyond half a turn, since its limits exclude the angle a turn before."""
    arm = PlanarArm((0.5, 0.5, 1.0), 0.2, ((0.0, 6.28),) * 3)
    target = arm.forward(np.array([[4.0, 1.2, 0.1]]))
    exact = ExactPosterior(arm).sample(target, 100, np.random.default_rng(0))
    assert exact.position_errors.max() < 1e-12
    assert arm.within_limits(exact.positions).all()
    assert exact.positions[0, :, 0].max() > np.pi


@pytest.mark.parametrize(
    ("arm", "theta"),
    [
        (PlanarArm((1.0, 1.0), 0.5), (1.56, 3.12)),
        (PlanarArm((1.0, 1.0), 2.0), (1.0, 2.0)),
        (PlanarArm((1.0, 1.0), 10.0, ((-3.3, 3.3),) * 2), (1.0, 2.0)),
        (PlanarArm((1.0, 1.0), 0.3, ((0.0, 6.28), (0.0, 1.0))), (5.3, 0.5)),
    ],
)
def test_two_joints_have_the_evidence_of_their_two_roots_in_all_turns(arm, theta):
    target = arm.forward(np.array(theta))
    roots = pair_roots(arm, np.zeros((1, 2)), (0, 1), target)[:, 0]
    turns = 2.0 * np.pi * np.arange(-20, 21)
    turned = roots[:, None, None] + np.stack(np.meshgrid(turns, turns), axis=-1)
    densities = np.where(arm.within_limits(turned), np.exp(arm.log_prior(turned)), 0.0)
    evidence = (densities.sum((1, 2)) / volumes(arm, roots, 0, 1)[..., 0]).sum()
    (log_evidence,) = ExactPosterior(arm).log_evidence(target[None], 10, np.random.default_rng(0))
    np.testing.assert_allclose(log_evidence, np.log(evidence), atol=1e-6)


@pytest.mark.parametrize("x", [0.5, -2.0])
def test_both_branches_of_a_far_target_in_line_with_the_arm_are_alike(x):
    """Bent to the left or to the right."""
    arm = PlanarArm.of_paper(6)
    exact = ExactPosterior(arm).sample(np.array([[x, 0.0]]), 1000, np.random.default_rng(0))
    assert 0.45 < (exact.positions[0, :, -2] > 0.0).mean() < 0.55


@pytest.mark.parametrize(
    ("arm", "target"),
    [
        (PlanarArm.of_paper(10), (-5.4, 0.0)),
        (PlanarArm((0.5,) * 6, prior="uniform"), (2.99, 0.0)),
        (PlanarArm((1.5, 0.5, 0.5), prior_std=0.5), (0.5 + 1e-7, 0.0)),
        (PlanarArm((0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 0.5), base="rail"), (-1.9999, 0.3)),
        (PlanarArm((0.5,) * 7, 0.2, ((-0.3, 0.3),) * 7), (1.663149833378, 2.590202397761)),
    ],
)
def test_a_far_target_at_the_edge_of_reach_has_solutions(arm, target):
    exact = ExactPosterior(arm).sample(np.array([target]), 20, np.random.default_rng(0))
    assert exact.position_errors.max() < 1e-9
    assert arm.within_limits(exact.positions).all()


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


def test_far_targets_have_as_many_different_samples_as_asked_for(monkeypatch):
    monkeypatch.setattr(posterior, "ANNEALED", 10)
    arm, target = PlanarArm.of_paper(6), np.array([[1.5, 0.5]])
    samples = ExactPosterior(arm).sample(target, 25, np.random.default_rng(0))
    assert samples.positions.shape == (1, 25, 6)
    assert samples.position_errors.max() < 1e-12
    assert len(np.unique(samples.positions[0], axis=0)) == 25


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


@pytest.mark.parametrize(
    ("arm", "target"),
    [
        (PlanarArm.of_paper(4), (9.0, 0.0)),
        (PlanarArm((1.0, 1.0), 0.5, ((0.5, 1.0),) * 2), (2.0, 0.0)),
        (
            PlanarArm((1.5, 0.5), prior="uniform", joint_limits=((4.0, 5.0), (-1.0, 1.0))),
            (1.0, 1.0),
        ),
    ],
)
def test_an_unreachable_target_gives_nan(arm, target):
    samples = ExactPosterior(arm).sample(np.array([target]), 3, np.random.default_rng(0))
    assert np.isnan(samples.positions).all()
