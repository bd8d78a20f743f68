"""From a wide prior's posterior to an arm's own; exact samples are the reference."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ik_nn_ros import PlanarArm
from ik_nn_ros.annealing import Annealing
from ik_nn_ros.posterior import ExactPosterior
from ik_nn_ros.turns import WholeTurns

ARMS = {
    "revolute": (PlanarArm((0.5, 0.7, 0.4, 0.8), prior_std=(0.3, 0.5, 0.2, 0.4)), (1.9, 0.8)),
    "limited": (
        PlanarArm((0.5, 0.7, 0.4, 0.8), prior_std=0.4, joint_limits=((-0.3, 0.6),) * 4),
        (2.1, 0.5),
    ),
    "rail": (PlanarArm((0.5, 0.5, 1.0), prior_std=(0.25, 0.5, 0.5, 0.5), base="rail"), (1.7, 0.3)),
    "full circle": (PlanarArm((0.5, 0.5, 0.5, 1.0), prior="uniform"), (0.3, 0.2)),
    "wide": (PlanarArm((0.5, 0.7, 0.4), prior_std=(2.5, 1.5, 1.0)), (0.9, 0.3)),
}


@pytest.fixture(params=ARMS)
def case(request):
    return ARMS[request.param]


@pytest.fixture
def annealing(case):
    arm, target = case
    return Annealing(arm, np.array(target), np.full(arm.dof, np.inf))


@pytest.fixture
def samples(case):
    """Of the posterior, all within a turn, by rejection."""
    arm, target = case
    rng = np.random.default_rng(0)
    positions = ExactPosterior(arm).sample(np.array([target]), 6000, rng).positions[0]
    return WholeTurns(arm).fold(positions)


def assert_alike(positions, others):
    for joint in range(positions.shape[1]):
        assert ks_2samp(positions[:, joint], others[:, joint]).pvalue > 1e-5


def test_moves_stay_on_the_target_within_the_limits_and_go_somewhere(case, annealing, samples):
    arm, target = case
    moved = annealing.moved(samples[:2000], 1.0, 50, np.random.default_rng(1))
    assert np.abs(arm.forward(moved) - target).max() < 1e-9
    assert np.isfinite(WholeTurns(arm).log_priors(moved)).all()
    assert (np.abs(moved - samples[:2000]).max(1) > 1e-3).mean() > 0.9


def test_moves_leave_the_posterior_as_it_is(case, annealing, samples):
    moved = annealing.moved(samples[:2000], 1.0, 50, np.random.default_rng(1))
    assert_alike(moved, samples[2000:])


def test_the_wide_posterior_becomes_the_arm_s_own(case, annealing, samples):
    arm, target = case
    annealed = annealing.run(2000, np.random.default_rng(1))
    assert np.abs(arm.forward(annealed) - target).max() < 1e-9
    assert_alike(annealed, samples)


def test_a_target_out_of_reach_has_none():
    arm = PlanarArm.of_paper(4)
    annealing = Annealing(arm, np.array([3.0, 0.0]), np.full(4, np.inf))
    assert annealing.run(100, np.random.default_rng(0)) is None
