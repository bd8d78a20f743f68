"""The reference path, which the solver is compared with."""

import numpy as np
import pytest

from benchmarks.inference import REFERENCED
from benchmarks.reference import plain_projection, reference_solve
from benchmarks.solvers import DEFAULT_DOF, eager_network, fastest_solver
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import project

TARGET = np.array([3.0, 0.5])


@pytest.mark.parametrize("model", ["cvae", "inn"])
def test_the_reference_path_gives_the_same_arms_with_and_without_densities(model):
    network = eager_network(DEFAULT_DOF, model)
    both = [
        reference_solve(network, TARGET, 50, np.random.default_rng(1), 1e-6, densities)
        for densities in (True, False)
    ]
    np.testing.assert_allclose(*both, atol=1e-9)
    assert both[0].shape == (50, DEFAULT_DOF)
    assert np.linalg.norm(network.arm.forward(both[0]) - TARGET, axis=1).max() <= 1e-6


def test_the_reference_path_and_the_solver_sample_alike():
    network = eager_network(DEFAULT_DOF, REFERENCED)
    reference = reference_solve(network, TARGET, 2000, np.random.default_rng(1), 1e-6)
    ours = fastest_solver(DEFAULT_DOF, REFERENCED).solve(TARGET, 2000, seed=2).positions
    np.testing.assert_allclose(reference.mean(0), ours.mean(0), atol=0.03)
    np.testing.assert_allclose(reference.std(0), ours.std(0), atol=0.03)


def test_the_plain_projection_ends_where_the_package_s_does():
    arm = PlanarArm.of_paper(6)
    bent = np.full(6, 0.4)
    starts = bent + 0.1 * arm.sample_prior(50, np.random.default_rng(0))
    plain = plain_projection(arm, starts, arm.forward(bent), 1e-6)
    ours = project(arm, starts, arm.forward(bent), 1e-6)
    np.testing.assert_allclose(plain, ours.positions, atol=1e-3)
