"""The statistics, against plain formulas and known answers; and the evaluation as a whole."""

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION
from ik_nn_ros.posterior.evidence import NEIGHBOURHOOD
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.weighted import effective_shares
from measuring.c2st import c2st
from measuring.evaluation import evaluate
from measuring.metrics import (
    Shares,
    mismatch,
    resimulation,
)
from measuring.mmd import mmd2, mmd_paper
from measuring.references import EvaluationSize, make_references
from measuring.rejection import Neighbours, rejection_samples


def kernel_sums(x, y, kernel):
    return np.array([[kernel(np.linalg.norm(a - b)) for b in y] for a in x])


def test_mmd_paper_is_the_biased_statistic_of_the_unsquared_distance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))
    within_x, within_y, between = (
        kernel_sums(a, b, lambda d: 1.44 / (1.44 + d)).mean() for a, b in ((x, x), (y, y), (x, y))
    )
    assert mmd_paper(x, y) == pytest.approx(within_x + within_y - 2 * between)


def test_mmd2_is_the_unbiased_statistic():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))

    def kernel(d):
        return np.mean([h / (h + d**2) for h in (0.05, 0.2, 0.8)])

    within = sum(kernel_sums(a, a, kernel)[~np.eye(len(a), dtype=bool)].mean() for a in (x, y))
    assert mmd2(x, y) == pytest.approx(within - 2 * kernel_sums(x, y, kernel).mean())


def test_mmd2_between_exact_posteriors_is_zero_within_its_error():
    arm = PlanarArm.of_paper(4)
    rng = np.random.default_rng(0)
    targets = arm.forward(arm.sample_prior(20, rng))
    first, second = (list(ExactPosterior(arm).sample(targets, 300, rng).positions) for _ in "ab")
    floor = mismatch(mmd2, first, second)
    assert abs(floor.mean) < 4 * floor.standard_error
    assert floor.standard_error < 1e-3
    shifted = mismatch(mmd2, [x + 0.1 for x in first], second)
    assert shifted.mean > 0.02


def test_resimulation_averages_over_targets_and_coordinates():
    result = resimulation(np.array([[0.3, 0.4], [0.0, 0.0]]), np.zeros((2, 2)))
    assert result.e_resim == pytest.approx(0.25 / 4)
    assert result.median_distance == pytest.approx(0.25)
    assert result.num_targets == 2


def test_effective_shares_are_those_of_kish():
    weights = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 5.0], [1.0, 3.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        shares = effective_shares(np.log(weights))
        tiny = effective_shares(np.log(weights) - 1e4)
    np.testing.assert_allclose(shares, (1.0, 0.25, 16.0 / 40.0))
    np.testing.assert_allclose(tiny, shares)


def test_where_no_draw_leads_anywhere_none_is_effective():
    assert (effective_shares(np.full((2, 5), -np.inf)) == 0.0).all()
    np.testing.assert_allclose(effective_shares(np.array([0.0, -np.inf])), 0.5)


def test_shares_of_targets_are_summed_up_with_the_worst():
    log_weights = np.log(np.random.default_rng(0).random((40, 100)))
    log_weights[7, 1:] = -np.inf
    shares = Shares.of(log_weights)
    assert (shares.num_targets, shares.num_draws) == (40, 100)
    assert shares.worst == pytest.approx(0.01)
    assert shares.worst < shares.p5 < shares.mean < 1.0
    assert shares.mean == pytest.approx(effective_shares(log_weights).mean())


def test_rejection_samples_are_near_their_targets():
    arm = PlanarArm.of_paper(4)
    rng = np.random.default_rng(0)
    targets = arm.forward(arm.sample_prior(3, rng))
    samples = rejection_samples(arm, targets, 50, rng)
    assert samples.shape == (3, 50, 4)
    distance = np.linalg.norm(arm.forward(samples) - targets[:, None], axis=-1)
    assert distance.max() <= NEIGHBOURHOOD
    assert len(np.unique(samples[0, :, 0])) == 50


LIMITED = PlanarArm((0.5, 0.5, 0.5, 1.0), joint_limits=((-3.0, 3.0),) + ((-0.3, 0.3),) * 3)


def limited_targets(count):
    return LIMITED.forward(LIMITED.sample_prior(count, np.random.default_rng(0)))


def test_rejection_samples_keep_the_joint_limits():
    samples = rejection_samples(LIMITED, limited_targets(3), 50, np.random.default_rng(0))
    assert LIMITED.within_limits(samples).all()


def classified_in_vain(samples, references):
    """In the place of a classifier for each target, which takes ten times as long as the rest."""
    assert all(np.isfinite(one).all() for one in (*samples, *references))
    return np.full(len(samples), 0.5)


def test_of_samples_that_know_no_limits_those_within_count_as_refined(monkeypatch):
    """The posterior without limits, cut to them, is the posterior."""
    monkeypatch.setattr("measuring.references.c2st_of_each", classified_in_vain)
    size = EvaluationSize(50, 5, 20, 8, 300, 2)
    references = make_references(LIMITED, POSITION, limited_targets(50), size)
    mmd2 = evaluate(ExactPosterior(PlanarArm.of_paper(4)), references).mmd2
    assert mmd2.raw.mean > 0.02
    assert abs(mmd2.refined.mean) < 0.25 * mmd2.raw.mean


def test_the_neighbours_of_a_target_are_all_points_within_the_radius():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.2, 0.2, (5000, 2))
    for target in rng.uniform(-0.2, 0.2, (20, 2)):
        expected = np.flatnonzero(np.linalg.norm(points - target, axis=1) <= NEIGHBOURHOOD)
        np.testing.assert_array_equal(Neighbours(points).of(target, NEIGHBOURHOOD), expected)


def test_c2st_tells_apart_what_differs_and_nothing_else():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300, 3))
    assert c2st(x, y) == pytest.approx(0.5, abs=0.06)  # two standard deviations of 600 guesses
    assert c2st(x, y + 2.0) > 0.9


def test_full_circles_are_compared_without_a_jump():
    arm = PlanarArm((1.0, 1.0), prior="uniform")
    theta = np.array([[np.pi - 0.01, 0.0], [-np.pi + 0.01, 0.0]])
    first, second = arm.embed(theta)
    assert np.linalg.norm(first - second) == pytest.approx(0.02, rel=1e-3)
    assert PlanarArm((1.0, 1.0)).embed(theta) is theta


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_the_exact_sampler_evaluates_to_nothing_left_to_gain(prior):
    arm = PlanarArm((0.5, 0.5, 0.5, 1.0), prior=prior)
    targets = arm.forward(arm.sample_prior(200, np.random.default_rng(0)))
    references = make_references(arm, POSITION, targets, EvaluationSize(200, 5, 50, 10, 200, 2))
    evaluation = evaluate(ExactPosterior(arm), references)
    assert evaluation.raw.e_resim < 1e-25
    assert evaluation.converged == 1.0
    assert abs(evaluation.mmd2.raw.mean) < 4 * evaluation.mmd2.raw.standard_error
    assert evaluation.mmd2.raw.num_targets == 10
    assert evaluation.c2st.refined.mean == pytest.approx(0.5, abs=0.07)
    plotted = evaluation.mmd_paper_as_plotted
    assert (plotted is None) == (prior == "uniform")
    if plotted is not None:
        # Rejection samples with a deviation of 0.5 rad are far from the posterior with one of 0.2.
        assert plotted.raw.mean > 2.0 * evaluation.mmd_paper.raw.mean


def test_poses_are_evaluated_without_the_paper_s_statistics(monkeypatch):
    classified = []
    monkeypatch.setattr(
        "measuring.references.c2st_of_each",
        lambda samples, references: classified.append(len(samples)) or np.full(len(samples), 0.5),
    )
    arm = PlanarArm((0.5, 0.5, 0.5, 0.5, 1.0))
    targets = POSE.forward(arm, arm.sample_prior(50, np.random.default_rng(0)))
    references = make_references(arm, POSE, targets, EvaluationSize(50, 5, 50, 6, 50, 2))
    assert references.rejection is None
    assert references.as_plotted is None
    stages = []
    evaluation = evaluate(ExactPosterior(arm, POSE), references, on_stage=stages.append)
    assert {"c2st, 1 of 2 targets", "c2st, 2 of 2 targets"} <= set(stages)
    assert evaluation.mmd_paper is None
    assert evaluation.mmd_paper_as_plotted is None
    assert evaluation.raw.e_resim < 1e-25
    assert evaluation.converged == 1.0
    assert abs(evaluation.mmd2.raw.mean) < 4 * evaluation.mmd2.raw.standard_error
    assert evaluation.effective_share.mean > 0.9
    assert evaluation.effective_share.num_targets == 6
    assert evaluation.lost < 0.01
    assert set(classified) == {2}  # targets
