"""Ours against the reference path and the exact sampler, taken in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.base import TOLERANCE
from benchmarks.reference import reference_solve
from benchmarks.sizes import Size
from benchmarks.solvers import (
    DEFAULT_DOF,
    eager_network,
    fastest_solver,
    solve_with_densities,
    targets_of,
)
from benchmarks.timing import Ratio, Timing, interleaved
from ik_nn_ros.models import DEFAULT_MODEL
from ik_nn_ros.posterior.exact import ExactPosterior

MANY = 10_000  # solutions, that take long in NumPy


@dataclass(frozen=True)
class InferenceResult:
    """The time for so many solutions of the default model.

    Attributes:
        solutions: how many.
        ours, ours_with_densities: `IKSolver.solve`, without and with its log densities.
        reference, reference_with_densities: eager PyTorch and the plain projection.
        speedup, speedup_with_densities: the reference's time over ours.
    """

    solutions: int
    ours: Timing
    ours_with_densities: Timing
    reference: Timing
    reference_with_densities: Timing
    speedup: Ratio
    speedup_with_densities: Ratio


@dataclass(frozen=True)
class ExactResult:
    """The default model against the exact sampler.

    Attributes:
        dof, solutions: the arm, and how many solutions.
        ours, exact: the times.
        speedup: the exact sampler's time over ours.
    """

    dof: int
    solutions: int
    ours: Timing
    exact: Timing
    speedup: Ratio


def measure_inference(size: Size, on_stage: Callable[[str], None]) -> list[InferenceResult]:
    """Of the default model and its default arm, for several numbers of solutions."""
    results = []
    for count in size.counts:
        on_stage(f"{count} solutions, against eager PyTorch and a plain projection")
        results.append(against_reference(count, size.rounds))
    return results


def against_reference(count: int, rounds: int) -> InferenceResult:
    """Of the default model and its default arm."""
    solver = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL)
    network = eager_network(DEFAULT_DOF, DEFAULT_MODEL)
    target = targets_of(DEFAULT_DOF)[0]
    rng = np.random.default_rng(0)

    def reference(densities: bool) -> object:
        return reference_solve(network, target, count, rng, TOLERANCE, densities)

    seconds = interleaved(
        {
            "ours": lambda: solver.solve(target, count),
            "ours_with_densities": lambda: solve_with_densities(solver, target, count),
            "reference": lambda: reference(densities=False),
            "reference_with_densities": lambda: reference(densities=True),
        },
        rounds,
    )
    return InferenceResult(
        solutions=count,
        **{name: Timing.of(values) for name, values in seconds.items()},
        speedup=Ratio.of(seconds["reference"], seconds["ours"]),
        speedup_with_densities=Ratio.of(
            seconds["reference_with_densities"], seconds["ours_with_densities"]
        ),
    )


def measure_against_exact(size: Size, on_stage: Callable[[str], None]) -> list[ExactResult]:
    """Of the default model, on every arm."""
    results = []
    for dof in size.dofs:
        for count in size.counts:
            on_stage(f"{count} solutions, {dof} DoF, against the exact sampler")
            rounds = size.rounds if count < MANY else max(3, size.rounds // 8)
            results.append(_against_exact(dof, count, rounds))
    return results


def _against_exact(dof: int, count: int, rounds: int) -> ExactResult:
    solver = fastest_solver(dof, DEFAULT_MODEL)
    exact = ExactPosterior(solver.arm)
    targets = targets_of(dof)[:1]
    rng = np.random.default_rng(0)
    seconds = interleaved(
        {
            "ours": lambda: solver.solve(targets[0], count),
            "exact": lambda: exact.sample(targets, count, rng),
        },
        rounds,
    )
    ours, theirs = seconds["ours"], seconds["exact"]
    return ExactResult(dof, count, Timing.of(ours), Timing.of(theirs), Ratio.of(theirs, ours))
