"""Whether shipped weights of cinn mean what they say: by ranks, and beside the exact sampler."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import chisquare

from ik_nn_ros import IKSolver
from ik_nn_ros.models import WEIGHTS_FOLDER
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.weighted import effective_shares

FALSE_ALARM_RATE = 1e-3  # of a calibrated model, over all statistics of one test together
TARGETS, SAMPLES, BINS = 1000, 99, 20


class Trial(NamedTuple):
    """Configurations (t, dof) from the prior, and a model's samples (t, n, dof) of their TCPs."""

    theta: np.ndarray
    samples: np.ndarray


def draw(sampler):
    rng = np.random.default_rng(0)
    theta = sampler.arm.sample_prior(TARGETS, rng)
    return Trial(theta, sampler.sample(sampler.arm.forward(theta), SAMPLES, rng).positions)


def is_calibrated(arm, trial):
    """Simulation-based calibration (Talts et al. 2018).

    A configuration drawn from the prior is one more sample of its own TCP's posterior, so among
    the model's samples its rank in any statistic is uniform. The statistics: every joint, and the
    prior's log density.
    """

    def statistics(positions):
        log_prior = arm.log_prior(positions)[..., None]
        return np.concatenate((positions, log_prior), axis=-1)

    ranks = (statistics(trial.samples) < statistics(trial.theta)[:, None]).sum(1)
    counts = [np.bincount(rank * BINS // (SAMPLES + 1), minlength=BINS) for rank in ranks.T]
    p_values = [chisquare(count).pvalue for count in counts]
    return min(p_values) > FALSE_ALARM_RATE / len(p_values)


@pytest.fixture(scope="module", params=[4, 10])
def cinn(request):
    sampler = IKSolver.from_pretrained(request.param, "cinn").sampler.accepted()
    return sampler.arm, draw(sampler)


def test_cinn_ranks_are_uniform(cinn):
    assert is_calibrated(*cinn)


@pytest.mark.parametrize("width", [0.9, 1.1])
def test_samples_a_tenth_too_narrow_or_too_wide_are_found_out(cinn, width):
    arm, (theta, samples) = cinn
    mean = samples.mean(1, keepdims=True)
    assert not is_calibrated(arm, Trial(theta, mean + width * (samples - mean)))


SHIPPED = sorted(WEIGHTS_FOLDER.glob("cinn_*.safetensors"))


def test_every_arm_of_the_paper_has_weights_for_positions_and_poses():
    names = {path.stem for path in SHIPPED}
    for dof in (4, 6, 8, 10, 15):
        assert {f"cinn_{dof}", f"cinn_{dof}_pose"} <= names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nine_of_ten_draws_are_effective_on_targets_of_the_prior(path):
    sampler = IKSolver.from_checkpoint(path).sampler
    arm, rng = sampler.arm, np.random.default_rng(0)
    targets = sampler.task.forward(arm, arm.sample_prior(60, rng))
    draws = [sampler.draw(target, 300, rng) for target in targets]
    assert effective_shares(np.array([one.log_weights for one in draws])).mean() > 0.9
    assert max(np.nanmax(one.errors) for one in draws) < 1e-12 * max(1.0, sum(arm.link_lengths))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_cinn_s_evidence_is_the_exact_one_s(path):
    """Each from draws of its own, whose errors are below 0.05 nats."""
    sampler = IKSolver.from_checkpoint(path).sampler
    arm, rng = sampler.arm, np.random.default_rng(1)
    exact = ExactPosterior(arm, sampler.task)
    targets = sampler.task.forward(arm, arm.sample_prior(20, rng))
    ours, theirs = (
        np.array([one.draw(target, 1000, rng).log_evidence for target in targets])
        for one in (sampler, exact)
    )
    assert np.median(np.abs(ours - theirs)) < 0.03
    assert abs((ours - theirs).mean()) < 0.05
