"""What is measured of a case, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.exact.cases import CASES, Case
from benchmarks.exact.earlier import EarlierVersion
from benchmarks.exact.results import (
    Closeness,
    DrawQuality,
    FarShare,
    Shares,
    Speed,
    Tables,
)
from benchmarks.timing import Ratio, Timing, seconds_of, steady_seconds_of
from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import TASKS
from ik_nn_ros.errors import IKError
from ik_nn_ros.posterior.exact import ExactPosterior
from ik_nn_ros.posterior.weighted import effective_shares
from measuring.calibration import Calibration, calibrate
from measuring.chart_mixture import ChartMixture
from measuring.metrics import summary
from measuring.mmd import mmd2
from measuring.tight_rejection import tight_rejection

REJECTION = "rejection_4"  # the case that is compared with rejection samples, too
REJECTION_RADIUS = 2e-3  # [m]
LINKS_OF_NO_CACHE = 1e-6  # [m], by which an arm is made one that nothing can have been kept of


@dataclass(frozen=True)
class Size:
    """How much is measured; the defaults are the bars' own figures.

    Attributes:
        targets, samples: for mmd2.
        rejection_samples: the same against rejection, which takes long.
        prior_targets, reach_targets, draws: for ESS / n.
        trials: of the calibration.
        speed_targets, rounds, speed_samples: for the times.
        builds: of an arm's tables.
    """

    targets: int = 100
    samples: int = 1000
    rejection_samples: int = 500
    prior_targets: int = 100
    reach_targets: int = 150
    draws: int = 1000
    trials: int = 1000
    speed_targets: int = 10
    rounds: int = 3
    speed_samples: int = 1000
    builds: int = 3


QUICK = Size(
    targets=3,
    samples=100,
    rejection_samples=20,
    prior_targets=3,
    reach_targets=3,
    draws=100,
    trials=100,
    speed_targets=1,
    rounds=1,
    speed_samples=100,
    builds=1,
)


def targets_of(case: Case, count: int, seed: int) -> np.ndarray:
    """Targets (count, 2 or 3) of configurations from the prior."""
    theta = case.arm.sample_prior(count, np.random.default_rng(seed))
    return TASKS[case.task].forward(case.arm, theta)


def measure_closeness(case: Case, size: Size) -> Closeness:
    """mmd2 to the chart mixture, beside that of a second sample of the chart mixture."""
    reference, rng = ChartMixture(case.arm, case.task), np.random.default_rng(1)
    targets = targets_of(case, size.targets, seed=0)
    pairs = ([reference.sample(target, size.samples, rng) for _ in range(2)] for target in targets)
    return _closeness(case, targets, pairs, size.samples)


def measure_closeness_to_rejection(case: Case, size: Size) -> Closeness:
    """The same, with rejection samples as the reference.

    Of twice as many targets the first that rejection fills count: those in the prior's bulk.
    """
    count, rng = size.rejection_samples, np.random.default_rng(1)
    targets = targets_of(case, 2 * size.targets, seed=0)
    rejection = tight_rejection(case.arm, targets, 2 * count, rng, REJECTION_RADIUS, case.task)
    filled = [row for row, samples in enumerate(rejection) if len(samples) == 2 * count]
    filled = filled[: size.targets]
    pairs = (np.array_split(rejection[row], 2) for row in filled)
    return _closeness(case, targets[filled], pairs, count)


def _closeness(case: Case, targets: np.ndarray, pairs: Any, count: int) -> Closeness:
    exact, rng = ExactPosterior(case.arm, case.task), np.random.default_rng(2)
    ours, floor, sizes = [], [], []
    for target, (first, second) in zip(targets, pairs, strict=True):
        samples = exact.sample(target[None], count, rng).positions[0]
        samples = samples[np.isfinite(samples[:, 0])]  # fewer where so many cannot be had
        first, second, samples = map(case.arm.embed, (first, second, samples))
        ours.append(mmd2(samples, first))
        floor.append(mmd2(second, first))
        sizes += [len(first), len(second), len(samples)]
    summaries = (summary(np.array(v), count) for v in (ours, floor, np.subtract(ours, floor)))
    return Closeness(*summaries, fewest_samples=min(sizes))


def effective_share(
    exact: ExactPosterior, target: np.ndarray, num_draws: int, rng: np.random.Generator
) -> float:
    """ESS / n of the draws for one target; 0 if there are none, or none with a weight."""
    try:
        log_weights = exact.draw(target, num_draws, rng).log_weights
    except IKError:
        return 0.0
    return float(effective_shares(log_weights))


def measure_quality(case: Case, size: Size) -> DrawQuality:
    """ESS / n over the prior's targets, and over targets on the whole reach."""
    exact, rng = ExactPosterior(case.arm, case.task), np.random.default_rng(3)

    def shares(targets: np.ndarray) -> Shares:
        values = []
        for target in targets:
            values.append(effective_share(exact, target, size.draws, rng))
        return Shares(
            mean=float(np.mean(values)),
            p5=float(np.quantile(values, 0.05)),
            worst=float(np.min(values)),
            worst_target=tuple(targets[int(np.argmin(values))].tolist()),
            num_targets=len(targets),
            num_draws=size.draws,
        )

    return DrawQuality(
        prior=shares(targets_of(case, size.prior_targets, seed=4)),
        reach=shares(case.targets_on_reach(size.reach_targets, rng)),
    )


def measure_far(case: Case, size: Size) -> list[FarShare]:
    """ESS / n at the case's far targets."""
    exact, rng = ExactPosterior(case.arm, case.task), np.random.default_rng(5)
    shares = []
    for target in case.far:
        shares.append(FarShare(target, effective_share(exact, np.array(target), size.draws, rng)))
    return shares


def measure_calibration(case: Case, size: Size) -> Calibration:
    """Ranks of the prior's draws among the samples for their targets."""
    exact = ExactPosterior(case.arm, case.task)

    return calibrate(
        case.arm,
        case.task,
        lambda targets, count, rng: exact.sample(targets, count, rng).positions,
        np.random.default_rng(6),
        num_trials=size.trials,
    )


def measure_speed(case: Case, size: Size, theirs: str = "exact", far: bool = False) -> Speed:
    """Times of both versions, taken in turn target by target.

    Args:
        theirs: "exact", against accepted samples; or "cinn", against weighted draws.
        far: at the case's far targets, not at the prior's.
    """
    exact, rng = ExactPosterior(case.arm, case.task), np.random.default_rng(7)
    targets = np.array(case.far) if far else targets_of(case, size.speed_targets, seed=8)
    count = size.speed_samples

    def ask(target: np.ndarray) -> None:
        if theirs == "cinn":
            exact.draw(target, count, rng)
        else:
            exact.sample(target[None], count, rng)

    with EarlierVersion() as earlier:
        ask(targets[0])
        earlier.seconds(theirs, case, targets[0], count)  # compiles
        pairs = []
        for target in targets:
            for _ in range(size.rounds):
                ours = steady_seconds_of(lambda target=target: ask(target))
                pairs.append((ours, earlier.seconds(theirs, case, target, count)))
    seconds = np.array(pairs)  # (targets times rounds, 2)
    ratios = (seconds[:, 1] / seconds[:, 0]).reshape(len(targets), size.rounds)
    return Speed(
        samples=count,
        ours=Timing.of(seconds[:, 0]),
        theirs=Timing.of(seconds[:, 1]),
        speedup=Ratio.of(seconds[:, 1], seconds[:, 0]),
        least_speedup=float(np.median(ratios, axis=1).min()),
        num_targets=len(targets),
    )


def unseen(arm: PlanarArm) -> PlanarArm:
    """An arm that differs too little to matter, of which nothing can have been kept."""
    lengths = np.array(arm.link_lengths)
    # Without a seed: no earlier run has seen it either.
    lengths += LINKS_OF_NO_CACHE * np.random.default_rng().random(len(lengths))
    return replace(arm, link_lengths=tuple(lengths.tolist()))


def measure_tables(case: Case, size: Size) -> Tables:
    """The time to make tables, of arms that differ too little to matter and share no cache."""
    exact = ExactPosterior(case.arm, case.task)  # compiles
    seconds = []
    for _ in range(size.builds):
        arm = unseen(case.arm)
        seconds.append(seconds_of(lambda arm=arm: ExactPosterior(arm, case.task)))
    return Tables(Timing.of(seconds), exact.tables_bytes / 1e6)


class Item(NamedTuple):
    """One case of one part.

    Attributes:
        case: what is measured.
        measure: gives the result.
    """

    case: Case
    measure: Callable[[Case, Size], Any]


SPEED_AGAINST = {  # by the bar that it belongs to
    "accepted": ("normal_4", "normal_6", "normal_10", "normal_15", "circle_4", "circle_6"),
    "far": ("normal_6", "normal_10"),
    "weighted": ("normal_6",),
    "pose": ("pose_4", "pose_6", "pose_limited"),
}
CALIBRATED = (
    "normal_4", "truncated_4", "uniform_4", "circle_4", "rail",
    "pose_4", "pose_limited", "pose_circle",
)  # fmt: skip


def _items(names: Sequence[str], measure: Callable[[Case, Size], Any]) -> dict[str, Item]:
    return {name: Item(CASES[name], measure) for name in names}


def _speed_items() -> dict[str, Item]:
    keywords: dict[str, dict[str, Any]] = {"far": {"far": True}, "weighted": {"theirs": "cinn"}}
    return {
        f"{kind} {name}": Item(CASES[name], partial(measure_speed, **keywords.get(kind, {})))
        for kind, names in SPEED_AGAINST.items()
        for name in names
    }


PARTS: dict[str, dict[str, Item]] = {
    "closeness": _items(tuple(CASES), measure_closeness)
    | {REJECTION: Item(CASES["normal_4"], measure_closeness_to_rejection)},
    "quality": _items(tuple(CASES), measure_quality),
    "far": _items([name for name, case in CASES.items() if case.far], measure_far),
    "calibration": _items(CALIBRATED, measure_calibration),
    "speed": _speed_items(),
    "tables": _items(tuple(CASES), measure_tables),
}
"""Every part's items by name; a part's name is that of its field in `Results`."""
