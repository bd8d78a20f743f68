"""The time that a request allows, checked between the stages of its answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ik_nn_ros.posterior.sampler import Sampler, Samples, Seed
from ik_nn_ros.ros.errors import TimedOutError


class Deadline:
    """Runs from its construction.

    Args:
        timeout: time allowed [s]; infinite for none.
        clock: what tells the time [s].
    """

    def __init__(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout = timeout
        self._clock = clock
        self._start = clock()

    def check(self) -> None:
        """Go on only within the time.

        Raises:
            TimedOutError: the time has run out.
        """
        elapsed = self._clock() - self._start
        if elapsed > self._timeout:
            raise TimedOutError(elapsed, self._timeout)


class TimedSampler(Sampler):
    """A sampler after which the time is checked: projection is not begun without any left."""

    def __init__(self, sampler: Sampler, deadline: Deadline) -> None:
        self.name, self.arm, self.task = sampler.name, sampler.arm, sampler.task
        self.backend, self.finite = sampler.backend, sampler.finite
        self._sampler = sampler
        self._deadline = deadline

    def sample(self, targets: np.ndarray, num_samples: int, rng: np.random.Generator) -> Samples:
        """See `Sampler.sample`.

        Raises:
            TimedOutError: the time has run out.
        """
        samples = self._sampler.sample(targets, num_samples, rng)
        self._deadline.check()
        return samples

    def weighted(self) -> Sampler:
        """See `Sampler.weighted`."""
        return TimedSampler(self._sampler.weighted(), self._deadline)

    def accepted(self) -> Sampler:
        """See `Sampler.accepted`."""
        return TimedSampler(self._sampler.accepted(), self._deadline)

    def sample_alike(self, targets: np.ndarray, num_samples: int, seed: Seed = None) -> Samples:
        """See `Sampler.sample_alike`; as the sampler does it, which may be in one pass.

        Raises:
            TimedOutError: the time has run out.
        """
        samples = self._sampler.sample_alike(targets, num_samples, seed)
        self._deadline.check()
        return samples
