"""How close the default model is to the posterior, beside a second draw of the posterior itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.sizes import Size
from benchmarks.solvers import fastest_solver, targets_of
from ik_nn_ros.models import DEFAULT_MODEL
from ik_nn_ros.posterior.exact import ExactPosterior
from training.metrics import Mismatch, mmd2, summary

EQUAL = 2.0  # standard errors from zero, within which a difference is put down to chance


@dataclass(frozen=True)
class ClosenessResult:
    """mmd2 to one draw of the exact posterior, of one arm.

    Attributes:
        dof: the arm.
        ours: of the default model's solutions.
        exact: of another draw of the exact posterior.
        difference: ours less the exact sampler's, target by target.
    """

    dof: int
    ours: Mismatch
    exact: Mismatch
    difference: Mismatch

    @property
    def equal(self) -> bool:
        """Whether chance explains the difference."""
        return abs(self.difference.mean) <= EQUAL * self.difference.standard_error


def measure_closeness(size: Size, on_stage: Callable[[str], None]) -> list[ClosenessResult]:
    """Of the default model, on every arm."""
    results = []
    for dof in size.dofs:
        on_stage(f"mmd2 on {size.closeness_targets} targets, {dof} DoF")
        results.append(_closeness(dof, size.closeness_targets, size.closeness_samples))
    return results


def _closeness(dof: int, num_targets: int, num_samples: int) -> ClosenessResult:
    solver = fastest_solver(dof, DEFAULT_MODEL)
    posterior = ExactPosterior(solver.arm)
    rng = np.random.default_rng(0)
    ours, exact = [], []
    for target in targets_of(dof)[:num_targets]:
        reference, again = posterior.sample(target[None].repeat(2, 0), num_samples, rng).positions
        solutions = solver.solve(target, num_samples, seed=int(rng.integers(1 << 32)))
        ours.append(mmd2(solutions.positions, reference))
        exact.append(mmd2(again, reference))
    values = (np.array(ours), np.array(exact), np.subtract(ours, exact))
    return ClosenessResult(dof, *(summary(each, num_samples) for each in values))
