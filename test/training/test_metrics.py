"""The statistics, against plain formulas and known answers; and the evaluation as a whole."""

import json

import numpy as np
import pytest

from ik_nn_ros import PlanarArm
from ik_nn_ros.posterior import ExactPosterior
from training.evaluation import EvaluationSize, evaluate
from training.metrics import mismatch, mmd2, mmd_paper, resimulation
from training.rejection import ACCEPTANCE_RADIUS, rejection_samples


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


def test_rejection_samples_are_near_their_targets():
    arm = PlanarArm.of_paper(4)
    rng = np.random.default_rng(0)
    targets = arm.forward(arm.sample_prior(3, rng))
    samples = rejection_samples(arm, targets, 50, rng)
    assert samples.shape == (3, 50, 4)
    distance = np.linalg.norm(arm.forward(samples) - targets[:, None], axis=-1)
    assert distance.max() <= ACCEPTANCE_RADIUS
    assert len(np.unique(samples[0, :, 0])) == 50


def test_the_exact_sampler_evaluates_to_nothing_left_to_gain(tmp_path):
    arm = PlanarArm.of_paper(4)
    targets = arm.forward(arm.sample_prior(200, np.random.default_rng(0)))
    size = EvaluationSize(200, 10, 200, 5, 50)
    evaluation = evaluate(ExactPosterior(arm), targets, size)
    assert evaluation.raw.e_resim < 1e-25
    assert evaluation.converged == 1.0
    assert abs(evaluation.mmd2_raw.mean) < 4 * evaluation.mmd2_raw.standard_error
    evaluation.write(tmp_path / "results" / "exact.json")
    content = json.loads((tmp_path / "results" / "exact.json").read_text())
    assert content["mmd2_raw"]["num_targets"] == 10
    assert isinstance(content["raw"]["e_resim"], float)
