"""Measures a sampler by the definitions of the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ik_nn_ros.arm.projection import project
from ik_nn_ros.options import SolveOptions
from ik_nn_ros.posterior.sampler import Sampler
from training.c2st import FOLDS
from training.metrics import (
    Mismatch,
    Resimulation,
    mismatch,
    mmd2,
    mmd_paper,
    resimulation,
)
from training.references import References, SamplePair

LEAST_SOLUTIONS = 2 * FOLDS  # of a target: a statistic of fewer says nothing


@dataclass(frozen=True)
class Comparison:
    """A statistic of a model's samples against a reference.

    Attributes:
        raw: of the samples as the model draws them.
        refined: of those that projection brought within the tolerance and that keep the joint
            limits; None where not measured, or where some target has too few of them.
        floor: of the reference against a second draw of itself: what a perfect model would get.
    """

    raw: Mismatch
    refined: Mismatch | None
    floor: Mismatch


@dataclass(frozen=True)
class Evaluation:
    """What a sampler measured.

    Attributes:
        model, dof: which sampler.
        raw, refined: re-simulation error of its samples, and of the converged ones once projected.
        converged: share of the samples that projection brought within the tolerance.
        mmd_paper: against rejection samples of the arm's own prior ("corrected").
        mmd_paper_as_plotted: against those of the prior of the paper's Fig. 2; None for an arm that
            is not in it.
        mmd2, c2st: against the exact posterior.
    """

    model: str
    dof: int
    raw: Resimulation
    refined: Resimulation
    converged: float
    mmd_paper: Comparison
    mmd_paper_as_plotted: Comparison | None
    mmd2: Comparison
    c2st: Comparison


def evaluate(
    sampler: Sampler,
    references: References,
    seed: int = 0,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Evaluation:
    """Measure a sampler on targets of the test split.

    Args:
        sampler: a network's sampler, or the exact one.
        references: targets and reference samples of the sampler's arm.
        seed: of the samples drawn here.
        on_stage: told what begins, for a progress line.
    """
    arm, size, targets = references.arm, references.size, references.targets
    rng = np.random.default_rng(seed)

    on_stage("re-simulation error")
    raw = sampler.sample(targets, 1, rng).positions[:, 0]
    refined = project(arm, raw, targets, SolveOptions.position_tolerance)

    on_stage("mmd_paper")
    paper_targets = targets[: size.mmd_paper_targets]
    samples = sampler.sample(paper_targets, size.mmd_paper_samples, rng).positions
    samples = arm.embed(samples)
    as_plotted = references.as_plotted
    paper = _against_rejection(samples, references.rejection)
    plotted = None if as_plotted is None else _against_rejection(samples, as_plotted)

    on_stage("mmd2")
    strict_raw, strict_refined = _raw_and_refined(sampler, references, rng)
    exact = references.exact
    enough = min(map(len, strict_refined)) >= LEAST_SOLUTIONS
    strict = Comparison(
        raw=mismatch(mmd2, strict_raw, exact.first),
        refined=mismatch(mmd2, strict_refined, exact.first) if enough else None,
        floor=mismatch(mmd2, exact.second, exact.first),
    )
    on_stage("c2st")
    classified_raw = references.c2st(strict_raw)
    # Projecting leaves samples alone that are on their targets already.
    unmoved = all(map(np.array_equal, strict_raw, strict_refined))
    classified_refined = None
    if enough:
        classified_refined = classified_raw if unmoved else references.c2st(strict_refined)
    classified = Comparison(classified_raw, classified_refined, references.c2st_floor)
    return Evaluation(
        model=sampler.name,
        dof=arm.dof,
        raw=resimulation(arm.forward(raw), targets),
        refined=resimulation(
            arm.forward(refined.positions[refined.converged]), targets[refined.converged]
        ),
        converged=float(refined.converged.mean()),
        mmd_paper=paper,
        mmd_paper_as_plotted=plotted,
        mmd2=strict,
        c2st=classified,
    )


def _against_rejection(samples: np.ndarray, reference: SamplePair) -> Comparison:
    return Comparison(
        raw=mismatch(mmd_paper, samples, reference.first),
        refined=None,
        floor=mismatch(mmd_paper, reference.second, reference.first),
    )


def _raw_and_refined(
    sampler: Sampler, references: References, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The sample sets of `mmd2` in their coordinates: as drawn, and those that are solutions."""
    arm, size = references.arm, references.size
    targets = references.targets[: size.mmd2_targets]
    samples = sampler.sample(targets, size.mmd2_samples, rng).positions
    projections = [
        project(arm, rows, target, SolveOptions.position_tolerance)
        for rows, target in zip(samples, targets, strict=True)
    ]
    refined = [
        positions[converged & arm.within_limits(positions)]
        for positions, _, converged in projections
    ]
    return list(arm.embed(samples)), [arm.embed(rows) for rows in refined]
