"""cinn at the rim: within 2 cm of full reach, where all angles shrink to nothing."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver
from ik_nn_ros.models import available_models
from ik_nn_ros.posterior.weighted import effective_shares

SLACKS = np.geomspace(1e-6, 0.02, 20)  # [m]
BEARINGS = (-0.5, 0.0, 0.2)  # [rad]
DRAWS = 200
LEAST_SHARE = 0.5  # of effective draws, averaged over the targets


@pytest.mark.parametrize("dof", available_models()["cinn"])
def test_cinn_knows_the_posterior_within_2_cm_of_full_reach(dof):
    sampler = IKSolver.from_pretrained(dof, "cinn").sampler
    arm, rng = sampler.arm, np.random.default_rng(0)
    distances, bearings = np.meshgrid(arm.reach[1] - SLACKS, BEARINGS)
    targets = arm.base_joint.points(distances.ravel(), bearings.ravel())
    draws = [sampler.draw(target, DRAWS, rng) for target in targets]
    assert max(np.nanmax(one.errors) for one in draws) < 1e-11
    shares = effective_shares(np.array([one.log_weights for one in draws]))
    assert shares.mean() >= LEAST_SHARE
