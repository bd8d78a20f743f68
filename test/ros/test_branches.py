"""How far solutions move when their target does, and the seed stays."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver
from ik_nn_ros.projection import project

TARGETS, SAMPLES = 100, 200
MOVE = 1e-3  # [m]
RIM = (0.002, 0.02)  # [m] from full reach


@pytest.fixture(scope="module")
def targets():
    """Targets of the prior, as many near the rim, and a millimetre from each, in the reach."""
    rng = np.random.default_rng(0)
    arm = IKSolver.from_pretrained(6, "exact").arm
    reach = arm.reach[1]
    bearings = rng.uniform(-0.3, 0.3, TARGETS)
    distances = reach - rng.uniform(*RIM, TARGETS)
    rim = distances[:, None] * np.stack((np.cos(bearings), np.sin(bearings)), axis=1)
    here = np.concatenate((arm.forward(arm.sample_prior(TARGETS, rng)), rim))
    turned = rng.uniform(0.0, 2.0 * np.pi, len(here))
    there = here + MOVE * np.stack((np.cos(turned), np.sin(turned)), axis=1)
    within = np.linalg.norm(there, axis=1) < reach
    return here[within], there[within]


def solved(solver, target):
    """The solution of every latent of one seed, unranked, and whether it is one."""
    raw = solver.sampler.sample(target[None], SAMPLES, np.random.default_rng(1)).positions[0]
    return project(solver.arm, raw, target, 1e-6)


@pytest.mark.parametrize("model", ["cinn", "cvae", "inn"])
def test_a_millimetre_moves_solutions_by_millimetres(model, targets, figure):
    """The furthest point of every arm; also near the rim, where arms are the most sensitive."""
    solver = IKSolver.from_pretrained(6, model)
    moved, best = [], []
    for target, neighbour in zip(*targets, strict=True):
        here, there = solved(solver, target), solved(solver, neighbour)
        both = here.converged & there.converged
        chains = (solver.arm.joint_positions(one.positions[both]) for one in (here, there))
        moved.append(furthest(*chains))
        ranked = (solver.solve(one, SAMPLES, seed=1).positions[:1] for one in (target, neighbour))
        best.append(furthest(*map(solver.arm.joint_positions, ranked)))
    mm = 1e3 * np.concatenate(moved)
    p50, p99, p999, most = np.quantile(mm, (0.5, 0.99, 0.999, 1.0))
    best_p50, best_p95, best_most = 1e3 * np.quantile(np.concatenate(best), (0.5, 0.95, 1.0))
    figure(
        model=model,
        targets=len(moved),
        p50_mm=p50,
        p99_mm=p99,
        p999_mm=p999,
        most_mm=most,
        best_p50_mm=best_p50,
        best_p95_mm=best_p95,
        best_most_mm=best_most,
    )
    assert len(mm) > 0.999 * SAMPLES * len(moved)
    assert p50 < 4.0
    assert p99 < 15.0
    assert p999 < 40.0


def furthest(here, there):
    """The largest distance (n,) between the same joints of two chains (n, dof + 1, 2) [m]."""
    return np.linalg.norm(here - there, axis=-1).max(axis=1)
