"""Stopping work that may last, from outside: its loops ask here whether to go on.

>>> from ik_nn_ros import IKSolver, PlanarArm
>>> solver = IKSolver.exact(PlanarArm((0.4, 0.3, 0.25), prior_std=0.5))
>>> with stopped_by(Deadline(60.0).check):
...     len(solver.solve((0.6, 0.3), num_samples=100, seed=1))
100
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ik_nn_ros.errors import TimedOutError

Check = Callable[[], None]
"""Returns where the work may go on; raises an error of the package where it is to stop."""

_in_force: ContextVar[Check] = ContextVar("checks in force", default=lambda: None)


def go_on() -> None:
    """What every loop that may last asks, many times a second.

    Raises:
        IKError: a check in force says that the work is to stop, see `stopped_by`.
    """
    _in_force.get()()


@contextmanager
def stopped_by(check: Check) -> Iterator[None]:
    """Work in this block, and in this thread, stops where a check says so.

    Blocks nest: outer ones hold, too.
    """
    outer = _in_force.get()

    def both() -> None:
        outer()
        check()

    token = _in_force.set(both)
    try:
        yield
    finally:
        _in_force.reset(token)


class Deadline:
    """A time limit.

    Args:
        timeout: time allowed [s]; infinite for none.
        start: when the time began to run, on ``clock`` [s]; None: now.
        clock: what tells the time [s].
    """

    def __init__(
        self,
        timeout: float,
        start: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._start = clock() if start is None else start

    def check(self) -> None:
        """Go on only within the time.

        Raises:
            TimedOutError: the time has run out.
        """
        elapsed = self._clock() - self._start
        if elapsed > self._timeout:
            raise TimedOutError(elapsed, self._timeout)
