"""Every peer on the same targets: how long it takes, and how close it is to the posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.peers import Peer, peers_of
from benchmarks.size import Size
from benchmarks.targets import targets_of
from benchmarks.timing import Timing, steady_seconds_of
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.posterior.exact import ExactPosterior
from measuring.metrics import Mismatch, summary
from measuring.mmd import mmd2
from measuring.stages import OnStage


@dataclass(frozen=True)
class SolutionTime:
    """The time to a number of solutions.

    Attributes:
        solutions: that number.
        measured: how many the peer was asked for, on the target where it was asked for fewest; of
            fewer, the time is extrapolated in proportion.
        timing: over the targets.
    """

    solutions: int
    measured: int
    timing: Timing


@dataclass(frozen=True)
class PeerResult:
    """What a peer measured on one arm.

    Attributes:
        name, dof: which peer, which arm.
        times: to the fewer and to the more solutions.
        solutions_per_second: the median over the targets, of the more.
        mmd2: to the exact posterior; None where it is not measured here.
        released_mmd2: of the weights that the authors released, refined; None where there are none.
    """

    name: str
    dof: int
    times: tuple[SolutionTime, SolutionTime]
    solutions_per_second: float
    mmd2: Mismatch | None
    released_mmd2: float | None = None


def compare(size: Size, on_stage: OnStage) -> list[PeerResult]:
    """Measure all peers on all arms; on each target they take turns."""
    results = []
    for dof in size.dofs:
        arm = PlanarArm.of_paper(dof)
        targets = targets_of(dof)[: size.targets]
        results += compare_on(arm, targets, peers_of(arm), size, on_stage)
    return results


def compare_on(
    arm: PlanarArm,
    targets: np.ndarray,
    peers: Sequence[Peer],
    size: Size,
    on_stage: OnStage,
) -> list[PeerResult]:
    """Measure peers on targets (b, 2) [m] of one arm."""
    rng = np.random.default_rng(0)
    trials: list[list[_Trial]] = [[] for _ in peers]
    for number, target in enumerate(targets, 1):
        on_stage(f"{len(peers)} peers, {arm.dof} DoF, target {number} of {len(targets)}")
        for peer, tried in zip(peers, trials, strict=True):
            peer.prepare(target, size.solutions[-1])
            tried.append(_try(peer, target, size, rng))
    on_stage(f"{arm.dof} DoF, mmd2")
    references = ExactPosterior(arm).sample(targets, size.solutions[-1], rng).positions
    return [
        _result(peer, tried, references, size) for peer, tried in zip(peers, trials, strict=True)
    ]


@dataclass(frozen=True)
class _Trial:
    """One peer, one target: the seconds to each number that was asked for, the last samples."""

    seconds: dict[int, float]
    samples: np.ndarray


def _try(peer: Peer, target: np.ndarray, size: Size, rng: np.random.Generator) -> _Trial:
    seconds: dict[int, float] = {}
    samples = np.empty((0, peer.arm.dof))

    def ask(count: int) -> None:
        nonlocal samples
        samples = peer.solutions(target, count, rng)

    for count in size.solutions:
        if seconds and peer.one_by_one:
            fewer, known = max(seconds.items())
            if known * count / fewer > size.seconds_per_call:
                break
        seconds[count] = steady_seconds_of(partial(ask, count))
    return _Trial(seconds, samples)


def _result(
    peer: Peer, trials: Sequence[_Trial], references: Sequence[np.ndarray], size: Size
) -> PeerResult:
    few, many = (_time_to(count, trials) for count in size.solutions[1:])
    mismatch = None
    if peer.trained:
        values = [mmd2(trial.samples, y) for trial, y in zip(trials, references, strict=True)]
        mismatch = summary(np.array(values), min(len(trial.samples) for trial in trials))
    return PeerResult(
        name=peer.name,
        dof=peer.arm.dof,
        times=(few, many),
        solutions_per_second=many.solutions / many.timing.median,
        mmd2=mismatch,
        released_mmd2=peer.released_mmd2,
    )


def _time_to(count: int, trials: Sequence[_Trial]) -> SolutionTime:
    asked = [max(number for number in trial.seconds if number <= count) for trial in trials]
    seconds = [
        trial.seconds[number] * count / number for trial, number in zip(trials, asked, strict=True)
    ]
    return SolutionTime(count, min(asked), Timing.of(seconds))
