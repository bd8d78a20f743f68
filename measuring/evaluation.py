"""Measures a sampler by the definitions of the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ik_nn_ros.arm.projection import Projection
from ik_nn_ros.options import POSITION_TOLERANCE
from ik_nn_ros.posterior.sampler import Sampler
from ik_nn_ros.posterior.weighted import WeightedSampler
from measuring.c2st import FOLDS
from measuring.metrics import (
    Mismatch,
    Resimulation,
    Shares,
    mismatch,
    resimulation,
)
from measuring.mmd import mmd2, mmd_paper
from measuring.references import References, SamplePair
from measuring.stages import OnStage

MOST_EXACT_TARGETS = 10_000
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
        mmd_paper: against rejection samples of the arm's own prior ("corrected"); None for poses,
            which the paper has not.
        mmd_paper_as_plotted: against those of the prior of the paper's Fig. 2; None for an arm that
            is not in it.
        mmd2, c2st: against the exact posterior.
        effective_share: of its draws before accepting, see `Solutions.effective_share`; None where
            it knows no weights.
        lost: share of its draws that lead nowhere; None likewise.
    """

    model: str
    dof: int
    raw: Resimulation
    refined: Resimulation
    converged: float
    mmd_paper: Comparison | None
    mmd_paper_as_plotted: Comparison | None
    mmd2: Comparison
    c2st: Comparison
    effective_share: Shares | None = None
    lost: float | None = None


def evaluate(
    sampler: Sampler,
    references: References,
    seed: int = 0,
    on_stage: OnStage = lambda stage: None,
) -> Evaluation:
    """Measure a sampler on targets of the test split.

    Args:
        sampler: a network's sampler, or the exact one.
        references: targets and reference samples of the sampler's arm.
        seed: of the samples drawn here.
        on_stage: told what begins, for a progress line.
    """
    arm, size, targets = references.arm, references.size, references.targets
    weighted = isinstance(sampler, WeightedSampler)
    if weighted:  # its samples are on their targets, whatever these are
        targets = targets[:MOST_EXACT_TARGETS]
    rng = np.random.default_rng(seed)

    on_stage("re-simulation error")
    raw = sampler.sample(targets, 1, rng).positions[:, 0]
    refined = _projected(sampler, raw, targets)

    on_stage("mmd_paper")
    paper = plotted = None
    if references.rejection is not None:
        paper_targets = targets[: size.mmd_paper_targets]
        samples = sampler.sample(paper_targets, size.mmd_paper_samples, rng).positions
        samples = arm.embed(samples)
        paper = _against_rejection(samples, references.rejection)
        if references.as_plotted is not None:
            plotted = _against_rejection(samples, references.as_plotted)

    on_stage("mmd2")
    strict_raw, strict_refined = _raw_and_refined(sampler, references, rng)
    exact = references.exact
    enough = min(map(len, strict_refined)) >= LEAST_SOLUTIONS
    strict = Comparison(
        raw=mismatch(mmd2, strict_raw, exact.first),
        refined=mismatch(mmd2, strict_refined, exact.first) if enough else None,
        floor=mismatch(mmd2, exact.second, exact.first),
    )
    on_stage("c2st of the samples")
    classified_raw = references.c2st(strict_raw, on_stage)
    # Projecting leaves samples alone that are on their targets already.
    unmoved = all(map(np.array_equal, strict_raw, strict_refined))
    classified_refined = None
    if enough:
        on_stage("c2st of refined samples")
        classified_refined = (
            classified_raw if unmoved else references.c2st(strict_refined, on_stage)
        )
    on_stage("c2st of the reference itself")
    classified = Comparison(classified_raw, classified_refined, references.c2st_floor)
    share, lost = None, None
    if weighted:
        on_stage("effective share")
        share, lost = _weights(sampler, targets[: size.mmd2_targets], size.mmd2_samples, rng)
    return Evaluation(
        model=sampler.name,
        dof=arm.dof,
        raw=resimulation(arm.forward(raw), targets[:, :2]),
        refined=resimulation(
            arm.forward(refined.positions[refined.converged]), targets[refined.converged, :2]
        ),
        converged=float(refined.converged.mean()),
        mmd_paper=paper,
        mmd_paper_as_plotted=plotted,
        mmd2=strict,
        c2st=classified,
        effective_share=share,
        lost=lost,
    )


def _projected(sampler: Sampler, positions: np.ndarray, targets: np.ndarray) -> Projection:
    """Samples as `IKSolver` refines them."""
    errors = sampler.task.position_errors(sampler.arm, positions, targets)
    tolerance = POSITION_TOLERANCE * sampler.arm.unit
    return sampler.task.project(sampler.arm, positions, targets, tolerance, errors)


def _weights(
    sampler: WeightedSampler, targets: np.ndarray, num_draws: int, rng: np.random.Generator
) -> tuple[Shares, float]:
    """Effective share of the draws on each target, and which share of all leads nowhere."""
    log_weights = np.array([sampler.draw(one, num_draws, rng).log_weights for one in targets])
    return Shares.of(log_weights), float(np.isneginf(log_weights).mean())


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
        _projected(sampler, rows, target) for rows, target in zip(samples, targets, strict=True)
    ]
    refined = [
        positions[converged & arm.within_limits(positions)]
        for positions, _, converged in projections
    ]
    return list(arm.embed(samples)), [arm.embed(rows) for rows in refined]
