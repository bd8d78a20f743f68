"""Work that may wait until nobody waits for the node."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

QUIET = 0.01  # [s] without a request, after which nobody is taken to wait
LATEST = 0.5  # [s] after the first request, whoever waits then


class Afterwards:
    """Does some work soon after it was asked for, once however often that was.

    Args:
        node: whose executor runs it.
        work: what to do.
    """

    def __init__(self, node: Node, work: Callable[[], None]) -> None:
        self._work = work
        # Simulated time may stand still.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(QUIET, self._run, autostart=False, clock=clock)
        self._latest = 0.0

    def ask(self) -> None:
        """Let the work be done when nobody has asked for a while, or has for too long."""
        now = time.monotonic()
        if self._timer.is_canceled():
            self._latest = now + LATEST
        if now < self._latest:
            self._timer.reset()

    def _run(self) -> None:
        self._timer.cancel()
        self._work()
