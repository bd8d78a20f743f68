"""cinn at the rim: within 2 cm of full reach, where all angles shrink to nothing."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver
from ik_nn_ros.arm.projection import project
from ik_nn_ros.backends import REFERENCE
from ik_nn_ros.models import available_models
from ik_nn_ros.options import SolveOptions

SLACKS = np.geomspace(1e-6, 0.02, 20)  # [m]
BEARINGS = (-0.5, 0.0, 0.2)  # [rad]
LEAST_CONVERGED = 0.9995


@pytest.mark.parametrize("dof", available_models()["cinn"])
def test_nearly_all_samples_of_cinn_converge_within_2_cm_of_full_reach(dof):
    pytest.importorskip("torch")
    sampler = IKSolver.from_pretrained(dof, "cinn", backend=REFERENCE).sampler
    arm = sampler.arm
    distances, bearings = np.meshgrid(arm.reach[1] - SLACKS, BEARINGS)
    targets = arm.base_joint.points(distances.ravel(), bearings.ravel())
    samples = sampler.sample(targets, 100, np.random.default_rng(0)).positions
    projection = project(arm, samples, targets[:, None], SolveOptions.position_tolerance)
    assert projection.converged.mean() >= LEAST_CONVERGED
