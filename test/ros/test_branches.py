"""How far solutions move when their target does, and the seed stays."""

import numpy as np
import pytest

from ik_nn_ros import IKSolver
from ik_nn_ros.arm.projection import project
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.posterior.weighted import WeightedSampler

TARGETS, SAMPLES = 40, 200
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


class Drawn(Sampler):
    """Samples that were drawn before."""

    def __init__(self, arm, samples):
        self.arm, self._samples = arm, samples

    def sample(self, targets, num_samples, rng):
        return self._samples


def solved(solver, target):
    """The solution of every latent of one seed, unranked, and the best one."""
    raw = solver.sampler.sample(target[None], SAMPLES, np.random.default_rng(1))
    best = IKSolver(Drawn(solver.arm, raw)).solve(target, SAMPLES).positions[:1]
    return project(solver.arm, raw.positions[0], target, 1e-6), best


@pytest.mark.parametrize("model", ["exact", "cinn", "cvae", "inn"])
def test_a_millimetre_moves_solutions_by_millimetres(model, targets, figure):
    """The furthest point of every arm; also near the rim, where arms are the most sensitive."""
    solver = IKSolver.from_pretrained(6, model)
    weighted = isinstance(solver.sampler, WeightedSampler)
    if weighted:  # whose accepted samples are not the same ones
        solver = IKSolver(solver.sampler.weighted())
    moved, best, same_elbow = [], [], []
    for target, neighbour in zip(*targets, strict=True):
        (here, best_here), (there, best_there) = solved(solver, target), solved(solver, neighbour)
        both = here.converged & there.converged
        moved.append(furthest(solver.arm, here.positions[both], there.positions[both]))
        elbows = np.sign(here.positions[both, -1]), np.sign(there.positions[both, -1])
        same_elbow.append(np.equal(*elbows))
        best.append(furthest(solver.arm, best_here, best_there))
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
    assert p99 < 25.0
    # Their chain is closed by one of two elbows, and of some few the other one's turn comes.
    stays = np.concatenate(same_elbow) if weighted else slice(None)
    assert len(mm[stays]) > 0.99 * len(mm)
    assert np.quantile(mm[stays], 0.999) < 60.0


def furthest(arm, here, there):
    """The largest distance (n,) between the same joints of two configurations (n, dof) [m]."""
    moved = arm.joint_positions(here) - arm.joint_positions(there)
    return np.linalg.norm(moved, axis=-1).max(axis=1)
