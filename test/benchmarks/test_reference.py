"""The reference path, and the limit that the solver is compared with."""

import time
from collections import Counter

import numpy as np
import pytest

from benchmarks import limit
from benchmarks.limit import STAGES, Product, products_of_one_pass, stages_of
from benchmarks.reference import plain_projection, reference_solve
from benchmarks.solvers import DEFAULT_DOF, eager_network, fastest_solver
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.projection import project
from ik_nn_ros.models import DEFAULT_MODEL

TARGET = np.array([3.0, 0.5])


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
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
    network = eager_network(DEFAULT_DOF, DEFAULT_MODEL)
    reference = reference_solve(network, TARGET, 2000, np.random.default_rng(1), 1e-6)
    ours = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL).solve(TARGET, 2000, seed=2).positions
    np.testing.assert_allclose(reference.mean(0), ours.mean(0), atol=0.03)
    np.testing.assert_allclose(reference.std(0), ours.std(0), atol=0.03)


def test_the_plain_projection_ends_where_the_package_s_does():
    arm = PlanarArm.of_paper(6)
    bent = np.full(6, 0.4)
    starts = bent + 0.1 * arm.sample_prior(50, np.random.default_rng(0))
    plain = plain_projection(arm, starts, arm.forward(bent), 1e-6)
    ours = project(arm, starts, arm.forward(bent), 1e-6)
    np.testing.assert_allclose(plain, ours.positions, atol=1e-3)


def test_the_products_of_one_pass_are_the_network_s_layers():
    network = eager_network(DEFAULT_DOF, DEFAULT_MODEL)
    counts = {(one.inner, one.columns): one.times for one in products_of_one_pass(TARGET)}
    couplings, width = network.config.coupling_layers, network.config.neurons
    into_couplings = sum(times for (inner, _), times in counts.items() if inner not in (2, width))
    assert into_couplings == couplings
    assert counts[width, width] == (couplings + 1) * (network.config.subnet_layers - 1)


def test_both_libraries_multiply_all_products_of_a_pass_for_all_samples(monkeypatch):
    products = [Product(2, 3, times=2), Product(3, 4, times=1)]
    seen = {"PyTorch": Counter(), "OpenBLAS": Counter()}

    def in_pytorch(left, right, out):
        assert out.shape == (len(left), right.shape[1])
        seen["PyTorch"][tuple(right.shape)] += len(left)

    def in_openblas(lefts, rights, outputs):
        for left, right, output in zip(lefts, rights, outputs, strict=True):
            assert output.shape == (left @ right).shape
            seen["OpenBLAS"][left.shape[::-1]] += right.shape[1]

    monkeypatch.setattr(limit.torch, "mm", in_pytorch)
    monkeypatch.setattr(limit, "_multiply", in_openblas)
    for way in (limit._in_pytorch, limit._in_openblas):
        way(products, 12, 3)()
    assert seen["PyTorch"] == seen["OpenBLAS"] == {(2, 3): 24, (3, 4): 12}


def test_stages_share_the_whole_time_and_libraries_count_for_their_callers():
    arm = PlanarArm.of_paper(6)
    starts = arm.sample_prior(200, np.random.default_rng(0))
    target = arm.forward(starts[0])

    def action():
        project(arm, starts, target, 1e-6)
        time.sleep(0.05)

    stages = stages_of(action, rounds=2)
    assert sum(stages.values()) == pytest.approx(1.0)
    assert list(stages.values()) == sorted(stages.values(), reverse=True)
    assert {"projection", "kinematics", "outside"} <= set(stages)


def test_the_stages_of_a_solve_are_those_that_have_a_name():
    solver = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL)
    stages = stages_of(lambda: solver.solve(TARGET, 1000), rounds=2)
    assert {"rays", "kinematics", STAGES["backends/kernels/cinn.py"]} <= set(stages)
    assert set(stages) <= {*STAGES.values(), "outside"}
