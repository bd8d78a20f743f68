"""Whether a shipped density means what it says: by ranks, and beside the exact one."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from ik_nn_ros import IKSolver
from ik_nn_ros.backends import REFERENCE
from ik_nn_ros.models import pretrained_path
from ik_nn_ros.models.networks import load_network
from ik_nn_ros.posterior.exact import ExactPosterior

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
        log_prior = arm.joint_log_priors(positions).sum(-1, keepdims=True)
        return np.concatenate((positions, log_prior), axis=-1)

    ranks = (statistics(trial.samples) < statistics(trial.theta)[:, None]).sum(1)
    counts = [np.bincount(rank * BINS // (SAMPLES + 1), minlength=BINS) for rank in ranks.T]
    p_values = [chisquare(count).pvalue for count in counts]
    return min(p_values) > FALSE_ALARM_RATE / len(p_values)


@pytest.fixture(scope="module", params=[4, 10])
def cinn(request):
    sampler = IKSolver.from_pretrained(request.param, "cinn", backend=REFERENCE).sampler
    return sampler.arm, draw(sampler)


def test_cinn_ranks_are_uniform(cinn):
    assert is_calibrated(*cinn)


@pytest.mark.parametrize("width", [0.9, 1.1])
def test_samples_a_tenth_too_narrow_or_too_wide_are_found_out(cinn, width):
    arm, (theta, samples) = cinn
    mean = samples.mean(1, keepdims=True)
    assert not is_calibrated(arm, Trial(theta, mean + width * (samples - mean)))


@pytest.mark.parametrize("dof", [4, 10])
def test_cinn_expected_log_density_is_the_exact_one_s(dof):
    """Their difference is the KL divergence from the posterior to the model, averaged."""
    network = load_network(pretrained_path("cinn", dof))
    arm, rng = network.arm, np.random.default_rng(0)
    theta = arm.sample_prior(300, rng)
    targets = arm.forward(theta)
    with torch.no_grad():
        ours = network.log_density(torch.from_numpy(theta), torch.from_numpy(targets)).numpy()
    exact = arm.joint_log_priors(theta).sum(1) - ExactPosterior(arm).log_evidence(targets)
    divergence = exact - ours
    error = divergence.std() / np.sqrt(len(divergence))
    assert -3.0 * error < divergence.mean() < 0.05 + 3.0 * error
