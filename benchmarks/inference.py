"""Ours against the reference path and the exact sampler, taken in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.reference import reference_solve
from benchmarks.sizes import Size
from benchmarks.solvers import DEFAULT_DOF, eager_network, fastest_solver, solve_with_densities
from benchmarks.timing import Ratio, Timing, interleaved
from ik_nn_ros.models import DEFAULT_MODEL
from ik_nn_ros.posterior import ExactPosterior
from ik_nn_ros.solver import DEFAULT_POSITION_TOLERANCE
from training.data import held_out_targets

COUNTS = (100, 1000, 10_000)


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
    """Of the default model and its default arm, on one target after the other."""
    solver = fastest_solver(DEFAULT_DOF, DEFAULT_MODEL)
    network = eager_network(DEFAULT_DOF, DEFAULT_MODEL)
    target = held_out_targets(solver.arm)[0]
    rng = np.random.default_rng(0)

    def reference(count: int, densities: bool) -> Callable[[], object]:
        return lambda: reference_solve(
            network, target, count, rng, DEFAULT_POSITION_TOLERANCE, densities
        )

    results = []
    for count in COUNTS:
        on_stage(f"{count} solutions, against eager PyTorch and a plain projection")
        seconds = interleaved(
            {
                "ours": lambda count=count: solver.solve(target, count),
                "ours_with_densities": lambda count=count: solve_with_densities(
                    solver, target, count
                ),
                "reference": reference(count, densities=False),
                "reference_with_densities": reference(count, densities=True),
            },
            size.rounds,
        )
        results.append(
            InferenceResult(
                solutions=count,
                **{name: Timing.of(values) for name, values in seconds.items()},
                speedup=Ratio.of(seconds["reference"], seconds["ours"]),
                speedup_with_densities=Ratio.of(
                    seconds["reference_with_densities"], seconds["ours_with_densities"]
                ),
            )
        )
    return results


def measure_against_exact(size: Size, on_stage: Callable[[str], None]) -> list[ExactResult]:
    """Of the default model, on every arm."""
    results = []
    for dof in size.dofs:
        solver = fastest_solver(dof, DEFAULT_MODEL)
        exact = ExactPosterior(solver.arm)
        target = held_out_targets(solver.arm)[:1]
        rng = np.random.default_rng(0)
        for count in COUNTS:
            on_stage(f"{count} solutions, {dof} DoF, against the exact sampler")
            seconds = interleaved(
                {
                    "ours": lambda solver=solver, target=target, count=count: solver.solve(
                        target[0], count
                    ),
                    "exact": lambda exact=exact, target=target, count=count: exact.sample(
                        target, count, rng
                    ),
                },
                size.rounds // 4 + 1,
            )
            ours, theirs = seconds["ours"], seconds["exact"]
            results.append(
                ExactResult(
                    dof, count, Timing.of(ours), Timing.of(theirs), Ratio.of(theirs, ours)
                )
            )
    return results
