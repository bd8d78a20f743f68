"""What the samples of every model of an arm are compared with: made once, used for all of them."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSITION, Task
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.c2st import c2st_of_each
from measuring.metrics import Mismatch, SampleSets, summary
from measuring.rejection import rejection_samples
from measuring.stages import OnStage

PAPER_DOF = (4, 6, 8, 10)  # of the arms of the paper's Figs. 1 to 3
PLOTTED_PRIOR_STD = 0.5  # [rad], of the rejection samples behind the paper's Fig. 2


@dataclass(frozen=True)
class EvaluationSize:
    """How much is measured; the defaults are the definitions' own figures.

    Attributes:
        resimulation_targets: targets of e_resim, one sample each; None: the whole test split.
        mmd_paper_targets, mmd_paper_samples: targets, and samples per target, of `mmd_paper`.
        mmd2_targets, mmd2_samples: the same of `mmd2`.
        c2st_targets: of the targets and samples of `mmd2`, how many `c2st` looks at.
    """

    resimulation_targets: int | None = None
    mmd_paper_targets: int = 1000
    mmd_paper_samples: int = 100
    mmd2_targets: int = 100
    mmd2_samples: int = 1000
    c2st_targets: int = 20

    @property
    def smaller(self) -> EvaluationSize:
        """The same, but for what takes longest; for models that are known by their weights."""
        return replace(
            self,
            mmd_paper_targets=min(self.mmd_paper_targets, 100),
            c2st_targets=min(self.c2st_targets, 4),
        )

    def covers(self, other: EvaluationSize) -> bool:
        """Whether at least as much is measured as by another size."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return all(mine is None or (asked is not None and mine >= asked) for mine, asked in pairs)


QUICK = EvaluationSize(
    resimulation_targets=2000,
    mmd_paper_targets=10,
    mmd_paper_samples=50,
    mmd2_targets=5,
    mmd2_samples=200,
    c2st_targets=2,
)


class SamplePair(NamedTuple):
    """Two independent sample sets of one distribution, (targets, n, d) each.

    Models are compared with the first; the second against the first gives a statistic's floor.
    """

    first: np.ndarray
    second: np.ndarray


@dataclass(frozen=True)
class References:
    """Targets, and what the posterior's samples should look like for them.

    Attributes:
        arm: the arm.
        task: what the targets prescribe.
        size: how much is measured.
        targets: (m, size) of the test split; each statistic takes them from the front.
        rejection: rejection samples of the arm's own prior, for `mmd_paper`; None for poses.
        as_plotted: rejection samples of the prior that the paper's Fig. 2 compared with by
            mistake; None for an arm that is not in it.
        exact: of the exact posterior, for `mmd2` and `c2st`.
    """

    arm: PlanarArm
    task: Task
    size: EvaluationSize
    targets: np.ndarray
    rejection: SamplePair | None
    as_plotted: SamplePair | None
    exact: SamplePair

    @cached_property
    def c2st_floor(self) -> Mismatch:
        """`c2st` of the exact posterior against itself; the same for every model of the arm."""
        return self.c2st(self.exact.second)

    def c2st(self, samples: SampleSets, on_stage: OnStage = lambda stage: None) -> Mismatch:
        """`c2st` of sample sets of the first targets against the exact posterior."""
        few, accuracies = slice(self.size.c2st_targets), []
        for accuracy in c2st_of_each(samples[few], self.exact.first[few]):
            accuracies.append(accuracy)
            on_stage(f"c2st, {len(accuracies)} of {len(samples[few])} targets")
        return summary(np.array(accuracies), self.size.mmd2_samples)


def make_references(
    arm: PlanarArm,
    task: Task,
    targets: np.ndarray,
    size: EvaluationSize,
    seed: int = 0,
    on_stage: OnStage = lambda stage: None,
) -> References:
    """Draw the reference samples.

    Args:
        arm: the arm.
        task: what the targets prescribe.
        targets: (m, size) of the test split, in random order.
        size: how much is measured.
        seed: of the samples.
        on_stage: told what begins, for a progress line.
    """
    rng = np.random.default_rng(seed)
    rejection, as_plotted = None, None
    if task is POSITION:
        rejection, as_plotted = _by_rejection(arm, targets, size, rng, on_stage)
    on_stage("exact sampling")
    exact = ExactPosterior(arm, task)
    sets = [
        exact.sample(targets[: size.mmd2_targets], size.mmd2_samples, rng).positions for _ in "ab"
    ]
    return References(
        arm=arm,
        task=task,
        size=size,
        targets=targets[: size.resimulation_targets],
        rejection=rejection,
        as_plotted=as_plotted,
        exact=SamplePair(*(arm.embed(positions) for positions in sets)),
    )


def _by_rejection(
    arm: PlanarArm,
    targets: np.ndarray,
    size: EvaluationSize,
    rng: np.random.Generator,
    on_stage: OnStage,
) -> tuple[SamplePair, SamplePair | None]:
    """See `References.rejection` and `References.as_plotted`."""
    count, few = size.mmd_paper_samples, targets[: size.mmd_paper_targets]
    on_stage("rejection sampling")
    rejection = _halves(arm, rejection_samples(arm, few, 2 * count, rng))
    if arm not in map(PlanarArm.of_paper, PAPER_DOF):
        return rejection, None
    on_stage("rejection sampling from the prior of the paper's Fig. 2")
    wide = replace(arm, prior_std=PLOTTED_PRIOR_STD)
    return rejection, _halves(arm, rejection_samples(wide, few, 2 * count, rng))


def _halves(arm: PlanarArm, samples: np.ndarray) -> SamplePair:
    first, second = np.split(arm.embed(samples), 2, axis=1)
    return SamplePair(first, second)
