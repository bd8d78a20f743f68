"""The results of all parts in one file, kept case by case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import ik_nn_ros
from benchmarks.machine import Machine
from benchmarks.timing import Ratio, Timing
from measuring.calibration import Calibration
from measuring.metrics import Mismatch

MEASURED_SOURCES = ("arm", "chain", "posterior")  # folders of ik_nn_ros that results depend on


@dataclass(frozen=True)
class Closeness:
    """mmd2 of the exact sampler to the reference, of one case.

    Attributes:
        ours: of the exact sampler's accepted samples.
        floor: of a second reference to the first.
        difference: ours less the floor, target by target.
        fewest_samples: of all targets, of either reference or of the exact sampler.
    """

    ours: Mismatch
    floor: Mismatch
    difference: Mismatch
    fewest_samples: int


@dataclass(frozen=True)
class Shares:
    """ESS / n of the draws before accepting, over targets; 0 where the sampler has no draw.

    Attributes:
        mean, p5, worst: over the targets; 5 % are below p5.
        worst_target: where it is worst.
        num_targets: how many targets.
        num_draws: draws for each of them.
    """

    mean: float
    p5: float
    worst: float
    worst_target: tuple[float, ...]
    num_targets: int
    num_draws: int


@dataclass(frozen=True)
class DrawQuality:
    """The shares of one case.

    Attributes:
        prior: over targets that the prior draws.
        reach: over targets uniform on the whole reach, those that have a posterior.
    """

    prior: Shares
    reach: Shares


@dataclass(frozen=True)
class FarShare:
    """ESS / n at one target."""

    target: tuple[float, ...]
    share: float


@dataclass(frozen=True)
class Speed:
    """Both versions on the same targets in turn.

    Attributes:
        samples: asked for, of each target.
        ours, theirs: over targets and rounds.
        speedup: their time over ours, over targets and rounds.
        least_speedup: at the target where its median over the rounds is smallest.
        num_targets: how many targets.
    """

    samples: int
    ours: Timing
    theirs: Timing
    speedup: Ratio
    least_speedup: float
    num_targets: int


@dataclass(frozen=True)
class Tables:
    """An arm's tables.

    Attributes:
        ready: the time to make them, the code compiled before.
        megabytes: their size [10^6 bytes].
    """

    ready: Timing
    megabytes: float


@dataclass
class Results:
    """What is known so far: for every part, by the name of the case.

    Attributes:
        machine: of the last run.
        sources: of every result, "<part>/<case>", the fingerprint of the code that was measured.
    """

    machine: Machine
    sources: dict[str, str] = field(default_factory=dict)
    closeness: dict[str, Closeness] = field(default_factory=dict)
    quality: dict[str, DrawQuality] = field(default_factory=dict)
    far: dict[str, list[FarShare]] = field(default_factory=dict)
    calibration: dict[str, Calibration] = field(default_factory=dict)
    speed: dict[str, Speed] = field(default_factory=dict)
    tables: dict[str, Tables] = field(default_factory=dict)


def fingerprint() -> str:
    """Fingerprint of the code that is measured: results of other code are measured again."""
    package = Path(ik_nn_ros.__file__).parent
    digest = hashlib.sha256()
    for folder in MEASURED_SOURCES:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
