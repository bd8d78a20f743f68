"""Measures a sampler by the definitions of the field, and writes what it measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ik_nn_ros.models import Sampler
from ik_nn_ros.posterior import ExactPosterior
from ik_nn_ros.projection import project
from ik_nn_ros.solver import DEFAULT_POSITION_TOLERANCE
from training.metrics import Mismatch, Resimulation, mismatch, mmd2, mmd_paper, resimulation
from training.rejection import rejection_samples


@dataclass(frozen=True)
class EvaluationSize:
    """How much is measured; the defaults are the definitions' own figures.

    Attributes:
        resimulation_targets: targets of e_resim, one sample each; None: the whole test split.
        mmd2_targets, mmd2_samples: targets, and samples per target, of `mmd2`.
        mmd_paper_targets, mmd_paper_samples: the same of `mmd_paper`.
    """

    resimulation_targets: int | None = None
    mmd2_targets: int = 100
    mmd2_samples: int = 1000
    mmd_paper_targets: int = 1000
    mmd_paper_samples: int = 100


QUICK = EvaluationSize(
    resimulation_targets=2000,
    mmd2_targets=5,
    mmd2_samples=200,
    mmd_paper_targets=10,
    mmd_paper_samples=100,
)


@dataclass(frozen=True)
class Evaluation:
    """What a sampler measured.

    Attributes:
        model, dof: which sampler.
        raw, refined: re-simulation error of its samples, and of the converged ones once projected.
        converged: share of the samples that projection brought within the tolerance.
        mmd_paper: raw samples against rejection samples; mmd_paper_floor: rejection samples
            against rejection samples.
        mmd2_raw, mmd2_refined: against the exact posterior; mmd2_floor: the exact posterior
            against itself.
    """

    model: str
    dof: int
    raw: Resimulation
    refined: Resimulation
    converged: float
    mmd_paper: Mismatch
    mmd_paper_floor: Mismatch
    mmd2_raw: Mismatch
    mmd2_refined: Mismatch
    mmd2_floor: Mismatch

    def write(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


def evaluate(
    sampler: Sampler,
    test_targets: np.ndarray,
    size: EvaluationSize,
    seed: int = 0,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Evaluation:
    """Measure a sampler on targets of the test split.

    Args:
        sampler: a network's sampler, or the exact one.
        test_targets: (m, 2) [m], in random order; the statistics take them from the front.
        size: how much is measured.
        seed: of the samples drawn here.
        on_stage: told what begins, for a progress line.
    """
    rng = np.random.default_rng(seed)
    on_stage("re-simulation error")
    targets = test_targets[: size.resimulation_targets]
    raw = sampler.sample(targets, 1, rng).positions[:, 0]
    refined = project(sampler.arm, raw, targets, DEFAULT_POSITION_TOLERANCE)
    on_stage("mmd_paper")
    paper = _mmd_paper(sampler, test_targets[: size.mmd_paper_targets], size, rng)
    on_stage("mmd2")
    strict = _mmd2(sampler, test_targets[: size.mmd2_targets], size, rng)
    return Evaluation(
        model=sampler.name,
        dof=sampler.arm.dof,
        raw=resimulation(sampler.arm.forward(raw), targets),
        refined=resimulation(
            sampler.arm.forward(refined.positions[refined.converged]), targets[refined.converged]
        ),
        converged=float(refined.converged.mean()),
        **paper,
        **strict,
    )


def _mmd_paper(
    sampler: Sampler, targets: np.ndarray, size: EvaluationSize, rng: np.random.Generator
) -> dict[str, Mismatch]:
    count = size.mmd_paper_samples
    samples = sampler.sample(targets, count, rng).positions
    reference = rejection_samples(sampler.arm, targets, 2 * count, rng)
    first, second = reference[:, :count], reference[:, count:]
    return {
        "mmd_paper": mismatch(mmd_paper, list(samples), list(first)),
        "mmd_paper_floor": mismatch(mmd_paper, list(second), list(first)),
    }


def _mmd2(
    sampler: Sampler, targets: np.ndarray, size: EvaluationSize, rng: np.random.Generator
) -> dict[str, Mismatch]:
    exact = ExactPosterior(sampler.arm)
    samples = sampler.sample(targets, size.mmd2_samples, rng).positions
    first, second = (exact.sample(targets, size.mmd2_samples, rng).positions for _ in range(2))
    projections = [
        project(sampler.arm, rows, target, DEFAULT_POSITION_TOLERANCE)
        for rows, target in zip(samples, targets, strict=True)
    ]
    refined = [projection.positions[projection.converged] for projection in projections]
    return {
        "mmd2_raw": mismatch(mmd2, list(samples), list(first)),
        "mmd2_refined": mismatch(mmd2, refined, list(first)),
        "mmd2_floor": mismatch(mmd2, list(second), list(first)),
    }
