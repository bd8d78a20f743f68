"""What is known of the shipped networks, in one file."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.machine import Machine
from benchmarks.timing import Ratio
from measuring.calibration import Calibration
from measuring.metrics import Mismatch, Shares
from measuring.networks import Costs, Earlier

NEAR_END = 0.01  # [m] of the reach
MOVE = 1e-3  # [m] of a target


@dataclass(frozen=True)
class Measured(Costs):
    """What was measured of one network, beside what it takes.

    Attributes:
        weights: SHA-256 of its tensors.
        parameters: how many numbers it has.
        training_seconds: what its training took.
        limited: whether its arm has joint limits.
        ours, floor: mmd2 of its draws, and of a second exact sample, to an exact one.
        shares, lost: of its draws on the prior's targets, and which share of them leads nowhere.
        reach, ends: shares on targets over the whole reach, and within `NEAR_END` of its ends.
        density_gap: by how much the expected log density of its draws exceeds exact's [nats].
        moved_99: of its samples, the 99th percentile of how far joints move (as points, [m]) when
            the target moves by `MOVE`, with the same random numbers.
        accepted: mmd2 of its draws accepted by their weights, where limits cut its arm's prior.
        calibration: of its draws, accepted by their weights.
    """

    weights: str
    parameters: int
    training_seconds: float
    limited: bool
    ours: Mismatch
    floor: Mismatch
    shares: Shares
    lost: float
    reach: Shares | None
    ends: Shares | None
    density_gap: float
    moved_99: float
    accepted: Mismatch | None
    calibration: Calibration | None


@dataclass
class Results:
    """What is known so far.

    Attributes:
        machine: of the last run.
        networks: by the names of their weights.
        speedups: of `IKSolver.solve` beside the earlier version, by what was asked for.
        busy_training: how many times as long a training takes beside a busy core.
        earlier: the network of the earlier version.
    """

    machine: Machine
    networks: dict[str, Measured] = field(default_factory=dict)
    speedups: dict[str, Ratio] = field(default_factory=dict)
    busy_training: Ratio | None = None
    earlier: Earlier | None = None
