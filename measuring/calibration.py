"""Simulation-based calibration: whether a sampler's posteriors are the prior's (Talts et al. 2018).

A configuration drawn from the prior is one more sample of the posterior of its own TCP. Among n
samples of an exact sampler its rank in any statistic is therefore uniform on 0 .. n, averaged over
the prior. The statistics here are every joint position, the prior's log density and the miss, how
far the TCP is off the target: without the miss, draws of the prior that ignore their targets would
pass (Modrak et al. 2023). A rank is decided at random among samples that tie: all misses of exact
samples, finitely many solutions, the log density on whole circles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import chisquare, kstest

from ik_nn_ros.arm.task import TASKS

if TYPE_CHECKING:
    from ik_nn_ros.arm.planar_arm import PlanarArm
    from ik_nn_ros.arm.task import Task

FALSE_ALARM_RATE = 1e-3  # of an exact sampler, over all tests of one calibration together
BINS = 20
TIE = 1e-9  # [rad, m or nats], beyond rounding, below what any prior tells apart

Samples = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""A sampler: targets (b, 2 or 3), n and a generator to joint positions (b, n, N)."""


@dataclass(frozen=True)
class Calibration:
    """The tests of one sampler: a chi-square and a Kolmogorov-Smirnov test of each statistic.

    Attributes:
        trials: configurations drawn from the prior.
        samples: of each one's posterior.
        p_values: of every test, by its name.
    """

    trials: int
    samples: int
    p_values: dict[str, float]

    @property
    def p_value(self) -> float:
        """How often, at most, an exact sampler would do worse in any of the tests (Bonferroni)."""
        return min(1.0, len(self.p_values) * min(self.p_values.values()))

    def passed(self, false_alarm_rate: float = FALSE_ALARM_RATE) -> bool:
        """Whether an exact sampler would do so badly more often than at this rate."""
        return self.p_value >= false_alarm_rate


def calibrate(
    arm: PlanarArm,
    task: Literal["position", "pose"],
    samples: Samples,
    rng: np.random.Generator,
    num_trials: int = 1000,
    num_samples: int = 99,
    batch: int = 100,
) -> Calibration:
    """Draw configurations from the prior and rank them among samples for their TCPs.

    Args:
        arm: the arm.
        task: what of the TCP is given.
        samples: the sampler.
        rng: of the prior, the sampler and the ties.
        num_trials: configurations.
        num_samples: of each one's posterior; one less than a multiple of `BINS`.
        batch: targets that the sampler is asked for at once.
    """
    if (num_samples + 1) % BINS:
        raise ValueError(f"num_samples must be one less than a multiple of {BINS}")
    ranks = []
    for start in range(0, num_trials, batch):
        theta = arm.sample_prior(min(batch, num_trials - start), rng)
        targets = TASKS[task].forward(arm, theta)
        drawn = samples(targets, num_samples, rng)
        own, theirs = (
            _statistics(arm, TASKS[task], positions, targets[:, None])
            for positions in (theta[:, None], drawn)
        )
        ranks.append(_ranks(own, theirs, rng))
    names = [f"joint {index + 1}" for index in range(arm.dof)] + ["log prior", "miss"]
    return Calibration(
        trials=num_trials,
        samples=num_samples,
        p_values={
            f"{name}, {test}": p_value
            for name, column in zip(names, np.concatenate(ranks).T, strict=True)
            for test, p_value in _p_values(column, num_samples, rng).items()
        },
    )


def _statistics(arm: PlanarArm, task: Task, theta: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Joint positions, the prior's log density and the miss: (..., N) -> (..., N + 2)."""
    miss = np.linalg.norm(task.residual(arm, theta, targets), axis=-1)
    return np.concatenate((theta, arm.log_prior(theta)[..., None], miss[..., None]), axis=-1)


def _ranks(own: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many of the drawn statistics (t, n, s) are below one's own (t, 1, s): (t, s)."""
    with np.errstate(invalid="ignore"):  # -inf less -inf: samples that the prior forbids
        difference = drawn - own
    ties = np.abs(difference) <= TIE
    below = ((difference < 0.0) & ~ties).sum(1)
    return below + rng.integers(0, ties.sum(1), endpoint=True)


def _p_values(ranks: np.ndarray, num_samples: int, rng: np.random.Generator) -> dict[str, float]:
    """Whether ranks (t,) in 0 .. num_samples are uniform: chi-square of their histogram, and KS."""
    counts = np.bincount(ranks * BINS // (num_samples + 1), minlength=BINS)
    # With the digits below a rank at random, uniform ranks are uniform numbers in [0, 1).
    continuous = (ranks + rng.random(len(ranks))) / (num_samples + 1)
    return {
        "histogram": float(chisquare(counts).pvalue),
        "distribution": float(kstest(continuous, "uniform").pvalue),
    }
