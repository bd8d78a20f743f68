"""Times of things that are compared: taken in turn, so that other work disturbs all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)

STEADY = 0.05  # [s], after which caches and cores are what they are in steady use


@dataclass(frozen=True)
class Timing:
    """How long something took.

    Attributes:
        median, p99: over the rounds [s].
        rounds: how often it was done.
    """

    median: float
    p99: float
    rounds: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Of one duration [s] for each round."""
        return cls(float(np.median(seconds)), float(np.quantile(seconds, 0.99)), len(seconds))


@dataclass(frozen=True)
class Ratio:
    """How many times one thing is as large as another, round by round.

    Attributes:
        median: over the rounds.
        low, high: the 10th and the 90th percentile.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
        """Of two values for each round."""
        ratios = np.divide(numerators, denominators)
        low, median, high = np.quantile(ratios, (0.1, 0.5, 0.9))
        return cls(float(median), float(low), float(high))


def seconds_of(action: Callable[[], object]) -> float:
    """How long one call takes [s]."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def interleaved(
    actions: Mapping[Name, Callable[[], object]], rounds: int
) -> dict[Name, list[float]]:
    """Durations [s] of each action in each round; every round does all of them in turn.

    A round before the first one is not counted.
    """
    for action in actions.values():
        action()
    seconds: dict[Name, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            seconds[name].append(steady_seconds_of(action))
    return seconds


def steady_seconds_of(action: Callable[[], object]) -> float:
    """How long a call takes in steady use [s]: a short one is repeated, the last time counts."""
    end = time.perf_counter() + STEADY
    while True:
        seconds = seconds_of(action)
        if time.perf_counter() > end:
            return seconds
