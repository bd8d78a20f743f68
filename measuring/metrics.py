"""How a statistic is summarised over targets; re-simulation errors and effective shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ik_nn_ros.posterior.weighted import effective_shares

SampleSets = Sequence[np.ndarray]
"""One sample set (n, d) per target."""


@dataclass(frozen=True)
class Resimulation:
    """How far the TCPs of samples are from their targets.

    Attributes:
        e_resim: mean squared error over targets and the two coordinates [m^2].
        median_distance: [m].
        p99_distance: the 99th percentile [m].
        num_targets: how many targets, one sample each.
    """

    e_resim: float
    median_distance: float
    p99_distance: float
    num_targets: int


@dataclass(frozen=True)
class Mismatch:
    """A statistic between model and reference samples, over targets.

    Attributes:
        mean, standard_error, median, p95: over the targets.
        num_targets: how many targets.
        num_samples: samples per target, of the model and of the reference each.
    """

    mean: float
    standard_error: float
    median: float
    p95: float
    num_targets: int
    num_samples: int


@dataclass(frozen=True)
class Shares:
    """Effective shares of weighted draws, over targets; see `effective_shares`.

    Attributes:
        mean, p5, worst: over the targets; 5 % are below p5.
        num_targets: how many targets.
        num_draws: of each target.
    """

    mean: float
    p5: float
    worst: float
    num_targets: int
    num_draws: int

    @classmethod
    def of(cls, log_weights: np.ndarray) -> Shares:
        """The shares of draws whose log weights (targets, draws) are given."""
        shares = effective_shares(log_weights)
        return cls(
            mean=float(shares.mean()),
            p5=float(np.quantile(shares, 0.05)),
            worst=float(shares.min()),
            num_targets=log_weights.shape[0],
            num_draws=log_weights.shape[1],
        )


def resimulation(tcp: np.ndarray, targets: np.ndarray) -> Resimulation:
    """Compare TCPs (b, 2) with their targets (b, 2) [m]."""
    residual = tcp - targets
    distance = np.linalg.norm(residual, axis=1)
    return Resimulation(
        e_resim=float(np.mean(residual**2)),
        median_distance=float(np.median(distance)),
        p99_distance=float(np.quantile(distance, 0.99)),
        num_targets=len(targets),
    )


def mismatch(
    statistic: Callable[[np.ndarray, np.ndarray], float], samples: SampleSets, reference: SampleSets
) -> Mismatch:
    """A statistic of two sample sets, target by target, summarised over the targets."""
    values = [statistic(x, y) for x, y in zip(samples, reference, strict=True)]
    return summary(np.array(values), len(reference[0]))


def summary(values: np.ndarray, num_samples: int) -> Mismatch:
    """A statistic's values (targets,), each of ``num_samples`` samples, summarised."""
    return Mismatch(
        mean=float(values.mean()),
        standard_error=float(values.std(ddof=1) / np.sqrt(len(values))),
        median=float(np.median(values)),
        p95=float(np.quantile(values, 0.95)),
        num_targets=len(values),
        num_samples=num_samples,
    )
