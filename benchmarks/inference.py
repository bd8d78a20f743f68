"""The default model against the reference path, taken in turn."""

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
from ik_nn_ros.solver import DEFAULT_MODEL

REFERENCED = "inn"  # the paper's own answer to the posterior; it knows its densities


@dataclass(frozen=True)
class InferenceResult:
    """The time for so many solutions.

    Attributes:
        solutions: how many.
        ours, ours_with_densities: `IKSolver.solve` of the default model, without and with its log
            densities.
        reference, reference_with_densities: eager PyTorch and the plain projection, of
            `REFERENCED`.
        speedup, speedup_with_densities: the reference's time over ours.
    """

    solutions: int
    ours: Timing
    ours_with_densities: Timing
    reference: Timing
    reference_with_densities: Timing
    speedup: Ratio
    speedup_with_densities: Ratio


def measure_inference(size: Size, on_stage: Callable[[str], None]) -> list[InferenceResult]:
    """Time both paths on the default arm, for several numbers of solutions."""
    results = []
    for count in size.counts:
        on_stage(f"{count} solutions, against eager PyTorch and a plain projection")
        results.append(against_reference(count, size.rounds))
    return results


def against_reference(count: int, rounds: int) -> InferenceResult:
    """Time both paths on the default arm."""
    solver = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL)
    network = eager_network(DEFAULT_DOF, REFERENCED)
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
